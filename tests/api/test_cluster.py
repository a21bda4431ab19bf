"""The state of a Cluster, as a program reads it; and the consumers that it takes."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from coolamqp.api.cluster import BaseCluster
from coolamqp.api.consuming import ConsumeCalls
from coolamqp.api.options import ClusterOptions
from coolamqp.attaches import Consumer
from coolamqp.objects import Queue
from tests.api.core import SmallCore
from tests.api.support import Tracer
from tests.support.scripted_broker import NODE


class Cluster(BaseCluster[Future[Any]], ConsumeCalls[Future[Any]]):
    def __init__(self) -> None:
        super().__init__(NODE)

    def _make_core(self, options: ClusterOptions) -> None:
        self._core = self.core = SmallCore()


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def state_of(cluster: Cluster) -> tuple[bool, bool, bool]:
    return cluster.started, cluster.connected, cluster.is_shutdown()


def test_a_cluster_is_started_connected_and_shut_down(cluster: Cluster) -> None:
    states = [state_of(cluster)]
    cluster.core.start()
    states.append(state_of(cluster))
    cluster.core.up()
    states.append(state_of(cluster))
    cluster.core.engine.abort()
    states.append(state_of(cluster))
    assert states == [
        (False, False, False), (True, False, False), (True, True, False), (True, False, True),
    ]  # fmt: skip


def test_a_cluster_that_was_never_started_is_not_shut_down(cluster: Cluster) -> None:
    cluster.core.engine.abort()
    assert not cluster.is_shutdown()


def test_the_node_and_its_properties_are_those_of_the_connection(cluster: Cluster) -> None:
    nodes = [(cluster.node, cluster.properties)]
    cluster.core.start()
    nodes.append((cluster.node, cluster.properties))
    assert nodes == [(None, None), (NODE, None)]
    cluster.core.up()
    assert cluster.properties is not None
    assert cluster.properties.properties['product'] == 'Scripted'


def test_the_last_error_is_the_cause_of_the_latest_fault(cluster: Cluster) -> None:
    errors = [cluster.last_error]
    cluster.core.start()
    cluster.core.up()
    error = ConnectionResetError('cut')
    assert cluster.core.engine.link is not None
    cluster.core.engine.link_failed(cluster.core.engine.link, error, cluster.core.time.now)
    cluster.core.tick(0)
    errors.append(cluster.last_error)
    assert errors == [None, error]
    faults = cluster.faults
    faults.clear()  # a copy
    assert [fault.cause for fault in cluster.faults] == [error]


def test_a_consumer_is_added_in_a_span_that_ends_when_it_consumes(cluster: Cluster) -> None:
    cluster.core.tracer = tracer = Tracer()
    cluster.core.start()
    broker = cluster.core.up()
    future = cluster.add_consumer(Consumer(Queue('q'), None))
    (span,) = tracer.spans
    assert (span.call.name, span.call.kind, span.ends) == ('consume', 'consumer', [])
    broker.serve()
    assert future.result(0) is None
    assert span.ends == [None]


def test_what_is_no_consumer_is_refused(cluster: Cluster) -> None:
    cluster.core.start()
    with pytest.raises(TypeError, match="consumer must be a Consumer, not 'q'"):
        cluster.add_consumer('q')  # type: ignore[arg-type]


def test_programs_of_old_add_a_consumer_to_a_group(cluster: Cluster) -> None:
    cluster.core.start()
    broker = cluster.core.up()
    consumer = Consumer(Queue('q'), None)
    cluster.attache_group.add(consumer)
    broker.serve()
    assert consumer.state == 2
    with pytest.raises(ValueError, match='was added to this Cluster already'):
        cluster.attache_group.add(consumer)
