"""The network between a Cluster and its broker misbehaves; what was running goes on after."""

from __future__ import annotations

import threading

import pytest

from coolamqp.attaches import Consumer
from coolamqp.clustering import Cluster, ConnectionLost, NothingMuch
from coolamqp.objects import Exchange, Message, Queue, ReceivedMessage
from tests.conftest import MakeCluster
from tests.integration.support import (
    PATIENCE,
    Collector,
    Signals,
    await_event,
    await_reconnect,
    confirmed,
    consume,
)
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration


@pytest.fixture
def through_proxy(make_cluster: MakeCluster, proxy: FaultProxy) -> Cluster:
    """A Cluster that is connected by way of the proxy."""
    cluster = make_cluster(port=proxy.port)
    cluster.start()
    return cluster


def await_loss(cluster: Cluster) -> None:
    """Wait until the Cluster has noticed that its connection is gone."""
    assert isinstance(cluster.drain(PATIENCE), ConnectionLost)


def test_cuts_in_the_middle_of_traffic_lose_nothing(
    through_proxy: Cluster, proxy: FaultProxy
) -> None:
    collector = Collector(ReceivedMessage.ack)
    consume(through_proxy, Queue('cut', durable=True), collector, no_ack=False, qos=20)
    futures = []
    for number in range(3000):
        futures.append(confirmed(through_proxy, b'%d' % number, 'cut', {'delivery_mode': 2}))
        if number % 500 == 250:
            proxy.cut()

    assert all(future.result(PATIENCE) is None for future in futures)
    bodies = {b'%d' % number for number in range(3000)}
    collector.wait_until(lambda got: {message.body for message in got} == bodies, 'all of them')
    through_proxy.delete_queue(Queue('cut', durable=True)).result(PATIENCE)


def test_cuts_are_survived_wherever_in_a_frame_they_come(
    through_proxy: Cluster, proxy: FaultProxy
) -> None:
    proxy.split(7)
    queue = Queue('split', durable=True)
    through_proxy.declare(queue).result(PATIENCE)
    for number in range(20):
        future = confirmed(through_proxy, bytes(700), 'split')
        if number % 4 == 0:
            proxy.cut()
            await_loss(through_proxy)
        future.result(PATIENCE)
    through_proxy.delete_queue(queue).result(PATIENCE)


def test_a_dead_connection_is_noticed_by_its_silence(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    cluster = make_cluster(port=proxy.port, heartbeat=1)
    cluster.start()
    proxy.drop()

    await_loss(cluster)
    await_reconnect(cluster)


def test_consumers_and_persistent_declarations_are_restored(
    through_proxy: Cluster, proxy: FaultProxy, make_cluster: MakeCluster
) -> None:
    logs = Exchange('logs', b'fanout', durable=False)
    collector, operational = Collector(), Signals()

    class Watched(Consumer):
        def on_operational(self, operational_now: bool) -> None:
            operational(operational_now)

    through_proxy.declare(Queue('kept', exclusive=True), persistent=True).result(PATIENCE)
    through_proxy.declare(logs, persistent=True).result(PATIENCE)
    consume(through_proxy, Queue(exchange=logs), collector)
    proxy.cut()
    await_loss(through_proxy)
    await_reconnect(through_proxy)

    confirmed(through_proxy, b'to the exclusive queue', 'kept').result(PATIENCE)
    future = through_proxy.publish(Message(b'to all'), logs, confirm=True)
    future.result(PATIENCE)
    assert [message.body for message in collector.wait_for(1)] == [b'to all']


def test_an_exclusive_queue_that_the_dead_connection_still_holds_is_waited_for(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    holder = make_cluster()
    holder.start()
    holder.declare(Queue('mine', exclusive=True)).result(PATIENCE)
    heir = make_cluster()
    heir.start()
    collector = Collector()

    _, consuming = heir.consume(Queue('mine', exclusive=True), collector)
    assert not threading.Event().wait(0.3)
    assert not consuming.done()  # RESOURCE_LOCKED, again and again
    holder.shutdown()

    consuming.result(PATIENCE)
    confirmed(heir, b'at last', 'mine').result(PATIENCE)
    collector.wait_for(1)


def test_a_queue_locked_by_another_may_be_an_error_at_once(make_cluster: MakeCluster) -> None:
    holder, other = make_cluster(), make_cluster()
    holder.start()
    other.start()
    holder.declare(Queue('mine', exclusive=True)).result(PATIENCE)

    consumer, consuming = other.consume(
        Queue('mine', exclusive=True), print, fail_on_first_time_resource_locked=True
    )

    assert '405' in str(consuming.exception(PATIENCE))
    assert consumer.cancelled


def test_a_queue_deleted_under_its_consumer_is_declared_again(cluster: Cluster) -> None:
    queue, collector, told = Queue('fleeting', durable=True), Collector(), threading.Event()
    consumer = consume(cluster, queue, collector)
    consumer.on_broker_cancel.add(told.set)

    cluster.delete_queue(queue).result(PATIENCE)
    await_event(told, 'on_broker_cancel')

    def is_back() -> bool:
        confirmed(cluster, b'again', 'fleeting').result(PATIENCE)
        return bool(collector.messages)

    assert any(is_back() or threading.Event().wait(0.05) for _ in range(200))
    assert not consumer.cancelled


def test_a_consumer_that_should_not_outlive_its_connection_does_not(
    through_proxy: Cluster, proxy: FaultProxy
) -> None:
    cancelled = threading.Event()
    consumer = consume(through_proxy, Queue(), print, cancel_on_failure=True)
    consumer.on_cancel.add(cancelled.set)
    proxy.cut()

    await_event(cancelled, 'on_cancel')
    assert consumer.cancelled


def test_on_fail_is_called_once_and_not_for_a_shutdown(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    failed = Signals()
    cluster = make_cluster(port=proxy.port, on_fail=failed)
    cluster.start()
    for _ in range(2):
        proxy.cut()
        await_loss(cluster)
        await_reconnect(cluster)
    cluster.shutdown()

    assert failed.wait_for(1) == [()]
    assert isinstance(cluster.drain(0), NothingMuch)


def test_a_message_can_be_taken_back_while_there_is_no_connection(
    through_proxy: Cluster, proxy: FaultProxy
) -> None:
    through_proxy.declare(Queue('later', durable=True)).result(PATIENCE)
    proxy.refuse()
    proxy.cut()
    await_loss(through_proxy)
    kept, taken_back = (confirmed(through_proxy, body, 'later') for body in (b'kept', b'not'))
    assert taken_back.cancel()
    proxy.accept()

    kept.result(PATIENCE)
    assert not kept.cancel()
    collector = Collector()
    consume(through_proxy, Queue('later', durable=True), collector)
    collector.wait_for(1)
    through_proxy.delete_queue(Queue('later', durable=True)).result(PATIENCE)
    assert collector.bodies == [b'kept']
