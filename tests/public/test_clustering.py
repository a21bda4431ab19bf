"""coolamqp.clustering.Cluster, for old programs: what it is made with."""

from __future__ import annotations

import threading

import pytest

from coolamqp.clustering import Cluster
from coolamqp.objects import NodeDefinition
from coolamqp.tracing import HoldingFrameTracer
from tests.conftest import MakeCluster, NodeArguments
from tests.support.nodes import BrokerNode

pytestmark = pytest.mark.integration


def test_cluster_arguments_in_their_order(node_arguments: NodeArguments) -> None:
    tracer = HoldingFrameTracer()
    node = NodeDefinition(**node_arguments)
    cluster = Cluster([node], print, {'unit': 'tests'}, tracer, 'ordered', print, None)
    cluster.start()
    try:
        assert tracer.frames
        assert 'ordered AMQP listener thread' in thread_names()
    finally:
        cluster.shutdown()


@pytest.mark.parametrize(('name', 'shown'), [('billing', 'billing'), (None, 'CoolAMQP')])
def test_cluster_name_is_that_of_thread_and_connection(
    make_cluster: MakeCluster, rabbitmq: BrokerNode, name: str | None, shown: str
) -> None:
    make_cluster(name=name).start()
    assert f'{shown} AMQP listener thread' in thread_names()
    listed = rabbitmq.client_properties()
    assert f'{{"connection_name","{shown}"}}' in listed


def test_link_constants() -> None:
    assert (Cluster.ST_LINK_LOST, Cluster.ST_LINK_REGAINED) == (0, 1)


def thread_names() -> set[str]:
    return {thread.name for thread in threading.enumerate()}
