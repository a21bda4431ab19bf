"""What a Cluster tells of itself: events, faults, the node it uses, and when it is connected."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from coolamqp.attaches import Consumer
from coolamqp.clustering import Cluster, ConnectionLost, NothingMuch
from coolamqp.clustering.events import (
    ConnectionEstablished,
    ConsumerCancelled,
    Event,
    MessageReceived,
    TopologyFailed,
    TopologyRestored,
)
from coolamqp.exceptions import AMQPError, ConnectionDead
from coolamqp.objects import NodeDefinition, Queue
from tests.conftest import MakeCluster
from tests.integration.support import PATIENCE, SHORT, Collector, Signals, confirmed, consume
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration


def start_through(proxy: FaultProxy, make_cluster: MakeCluster, **options: Any) -> Cluster:
    """Start a cluster whose connection can be cut."""
    cluster = make_cluster(host=proxy.host, port=proxy.port, **options)
    cluster.start()
    return cluster


def drain_until(cluster: Cluster, wanted: type[Event]) -> list[Event]:
    """Drain up to an event of a class."""
    events = [cluster.drain(PATIENCE)]
    while not isinstance(events[-1], wanted):
        assert not isinstance(events[-1], NothingMuch), f'no {wanted.__name__} after {events}'
        events.append(cluster.drain(PATIENCE))
    return events


def test_drain_gives_all_events_if_asked(make_cluster: MakeCluster, proxy: FaultProxy) -> None:
    cluster = start_through(proxy, make_cluster, all_events=True)
    assert [type(event) for event in drain_until(cluster, TopologyRestored)] == [
        ConnectionEstablished,
        TopologyRestored,
    ]
    proxy.cut()

    events = drain_until(cluster, TopologyRestored)

    assert isinstance(events[0], ConnectionLost)
    assert events[0].node == cluster.node
    assert isinstance(events[0].cause, Exception)
    assert isinstance(events[-1], TopologyRestored)
    assert events[-1].node == cluster.node


def test_drain_gives_what_it_always_gave_otherwise(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    cluster = start_through(proxy, make_cluster)
    consumer = consume(cluster, Queue('q'))
    proxy.cut()
    confirmed(cluster, b'x', 'q').result(PATIENCE)

    events = drain_until(cluster, MessageReceived)
    consumer.cancel().result(PATIENCE)

    assert [type(event) for event in events] == [ConnectionLost, MessageReceived]
    assert isinstance(cluster.drain(0), NothingMuch)


def test_on_event_is_called_with_each(make_cluster: MakeCluster, proxy: FaultProxy) -> None:
    told = Signals()
    cluster = make_cluster(host=proxy.host, port=proxy.port)
    cluster.on_event.add(told)
    cluster.start()
    told.wait_for(2)
    proxy.cut()

    kinds = [type(event) for (event,) in told.wait_for(5)]
    assert kinds[:3] == [ConnectionEstablished, TopologyRestored, ConnectionLost]
    assert kinds[-2:] == [ConnectionEstablished, TopologyRestored]


def test_what_cannot_be_restored_is_told_and_holds_up_nothing(
    make_cluster: MakeCluster, cluster: Cluster, proxy: FaultProxy
) -> None:
    first = start_through(proxy, make_cluster, all_events=True)
    changed = Queue('changed', durable=True)
    first.declare(changed, persistent=True).result(PATIENCE)
    ended = Consumer(Queue('consumed', durable=True), Collector())
    first.add_consumer(ended).result(PATIENCE)
    drain_until(first, TopologyRestored)
    proxy.pause()  # so that it does not hear of the deletion and declare its queue again
    for name in ('changed', 'consumed'):
        cluster.delete_queue(name).result(PATIENCE)
        cluster.declare(Queue(name, durable=False)).result(PATIENCE)
    proxy.cut()
    proxy.resume()

    events = drain_until(first, TopologyRestored)

    failed = [event for event in events if isinstance(event, TopologyFailed)]
    assert [event.object for event in failed] == [changed]
    assert isinstance(failed[0].error, AMQPError)
    cancelled = [event for event in events if isinstance(event, ConsumerCancelled)]
    assert [event.consumer for event in cancelled] == [ended]
    assert isinstance(cancelled[0].reason, AMQPError)


def test_a_consumer_that_is_cancelled_has_no_other_reason(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(all_events=True)
    cluster.start()
    consumer = consume(cluster, Queue('q'), Collector())
    consumer.cancel().result(PATIENCE)

    event = drain_until(cluster, ConsumerCancelled)[-1]

    assert isinstance(event, ConsumerCancelled)
    assert (event.consumer, event.reason) == (consumer, None)
    assert repr(event).startswith('ConsumerCancelled(consumer=')


def test_faults_are_remembered(make_cluster: MakeCluster, proxy: FaultProxy) -> None:
    cluster = start_through(proxy, make_cluster)
    assert (cluster.faults, cluster.last_error) == ([], None)
    lost = Signals()
    cluster.on_event.add(lost)
    proxy.cut()
    lost.wait_for(1)

    assert cluster.faults[0].node.port == proxy.port
    assert cluster.faults[0].when.tzinfo is not None
    assert cluster.last_error is cluster.faults[-1].cause


def test_the_node_in_use(make_cluster: MakeCluster, node_arguments: Any) -> None:
    unreachable = NodeDefinition(**(node_arguments | {'port': 1}))
    node = NodeDefinition(**node_arguments)
    cluster = Cluster([unreachable, node])
    assert cluster.node is None
    with cluster:
        assert cluster.node == node
        assert cluster.faults[0].node == unreachable
    assert cluster.node is None


def test_wait_connected(make_cluster: MakeCluster, proxy: FaultProxy) -> None:
    cluster = make_cluster(host=proxy.host, port=proxy.port)
    with pytest.raises(RuntimeError, match='not started'):
        cluster.wait_connected()
    proxy.refuse()
    cluster.start(wait=False)
    assert cluster.wait_connected(SHORT) is False
    proxy.accept()
    assert cluster.wait_connected(PATIENCE) is True
    cluster.shutdown()
    with pytest.raises(ConnectionDead):
        cluster.wait_connected()


def test_who_waits_for_a_connection_is_released_by_a_shutdown(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(port=1)
    cluster.start(wait=False)
    raised: list[Exception] = []

    def wait() -> None:
        try:
            cluster.wait_connected()
        except ConnectionDead as error:
            raised.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    cluster.shutdown()
    thread.join(PATIENCE)
    assert len(raised) == 1
