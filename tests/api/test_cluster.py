"""The state of a Cluster, as a program reads it."""

from __future__ import annotations

import pytest

from coolamqp.uplink.tuning import Limits
from tests.api.core import SmallCluster
from tests.support.scripted_broker import NODE


@pytest.fixture
def cluster() -> SmallCluster:
    return SmallCluster()


def state_of(cluster: SmallCluster) -> tuple[bool, bool, bool]:
    return cluster.started, cluster.connected, cluster.is_shutdown()


def test_a_cluster_is_started_connected_and_shut_down(cluster: SmallCluster) -> None:
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


def test_a_cluster_that_was_never_started_is_not_shut_down(cluster: SmallCluster) -> None:
    cluster.core.engine.abort()
    assert not cluster.is_shutdown()


def test_the_node_and_its_properties_are_those_of_the_connection(cluster: SmallCluster) -> None:
    nodes = [(cluster.node, cluster.properties, cluster.limits)]
    cluster.core.start()
    nodes.append((cluster.node, cluster.properties, cluster.limits))
    assert nodes == [(None, None, None), (NODE, None, None)]
    cluster.core.up()
    assert cluster.properties is not None
    assert cluster.properties.properties['product'] == 'Scripted'
    assert cluster.limits == Limits(channel_max=2047, frame_max=131072, heartbeat=60)


def test_the_last_error_is_the_cause_of_the_latest_fault(cluster: SmallCluster) -> None:
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


def test_statistics_and_health_are_those_of_the_moment(cluster: SmallCluster) -> None:
    before, sick = cluster.stats(), cluster.health()
    cluster.core.start()
    cluster.core.up()
    after, well = cluster.stats(), cluster.health()

    assert (before.state, before.connections) == ('idle', 0)
    assert (after.state, after.connections) == ('up', 1)
    assert not sick
    assert str(sick) == 'there is no connection to a broker (state: idle)'
    assert well


def test_a_signal_handler_within_the_engine_may_ask_for_statistics(cluster: SmallCluster) -> None:
    cluster.core.start()
    with cluster.core.lock:
        assert cluster.core.is_inside()
        assert cluster.stats().state == 'connecting'
