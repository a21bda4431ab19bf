"""Clusters that talk to the suite's node, and what others say to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from coolamqp.clustering import Cluster
from coolamqp.objects import NodeDefinition
from tests.conftest import NodeArguments
from tests.support.proxy import FaultProxy
from tests.support.rabbitmq import RabbitMQNode

MakeCluster: TypeAlias = Callable[..., Cluster]
NODE_OPTIONS = ('host', 'port', 'user', 'password', 'virtual_host', 'heartbeat')


@pytest.fixture
def make_cluster(node_arguments: NodeArguments) -> Iterator[MakeCluster]:
    """Make Clusters on this test's virtual host, and end them with the test.

    Takes the options of a Cluster, and those of a node that are to be others.
    """
    made: list[Cluster] = []

    def make(**options: Any) -> Cluster:
        node: dict[str, Any] = dict(node_arguments)
        node.update({name: options.pop(name) for name in NODE_OPTIONS if name in options})
        cluster = Cluster(NodeDefinition(**node), **options)
        made.append(cluster)
        return cluster

    yield make
    for cluster in made:
        if cluster.started:
            cluster.shutdown()


@pytest.fixture
def cluster(make_cluster: MakeCluster) -> Cluster:
    """A Cluster that is connected."""
    cluster = make_cluster()
    cluster.start()
    return cluster


@pytest.fixture
def proxy(rabbitmq: RabbitMQNode) -> Iterator[FaultProxy]:
    """Something between a Cluster and the node that does what networks do."""
    with FaultProxy(rabbitmq.host, rabbitmq.port) as proxy:
        yield proxy


@pytest.fixture
def pika_channel(broker_url: str) -> Iterator[BlockingChannel]:
    """Another client, that of the RabbitMQ team."""
    connection = pika.BlockingConnection(pika.URLParameters(broker_url))
    yield connection.channel()
    if connection.is_open:
        connection.close()
