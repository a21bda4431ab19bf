"""Callbacks may block, raise, never return, and call whatever they like."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from coolamqp.clustering import Cluster
from coolamqp.clustering import core as core_module
from coolamqp.objects import Queue, ReceivedMessage
from tests.conftest import MakeCluster
from tests.integration.support import (
    PATIENCE,
    Collector,
    Signals,
    await_event,
    confirmed,
    consume,
)
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration

THREE_HEARTBEATS = 3.5  # seconds, at a heartbeat of one


def test_a_callback_that_sleeps_for_three_heartbeats_costs_only_its_own_consumer(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    cluster = make_cluster(heartbeat=1, port=proxy.port)
    cluster.start()
    woken, others = threading.Event(), Collector()

    def sleep(message: ReceivedMessage) -> None:
        threading.Event().wait(THREE_HEARTBEATS)
        message.ack()
        woken.set()

    consume(cluster, Queue('slow', auto_delete=True), sleep, no_ack=False)
    consume(cluster, Queue('quick', auto_delete=True), others)
    confirmed(cluster, b'', 'slow').result(PATIENCE)
    count = 0
    while not woken.is_set():
        confirmed(cluster, b'', 'quick').result(PATIENCE)
        count += 1
        others.wait_for(count)

    assert count > 1
    assert cluster.connected
    assert proxy.accepted == 1


def test_a_callback_that_raises_is_logged_and_the_next_message_comes(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(message: ReceivedMessage) -> None:
        if message.body == b'bad':
            raise ValueError('stumbled over this one')

    collector = Collector(stumble)
    consume(cluster, Queue('raising', auto_delete=True), collector)
    for body in (b'bad', b'good'):
        confirmed(cluster, body, 'raising').result(PATIENCE)

    collector.wait_for(1)
    assert collector.bodies == [b'good']
    assert 'stumbled over this one' in caplog.text


@pytest.mark.usefixtures('vhost')
def test_a_callback_that_never_returns_holds_up_neither_others_nor_shutdown(
    make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(core_module, 'CALLBACK_TIMEOUT', 0.1)
    cluster = make_cluster()
    cluster.start()
    begun, end, others = threading.Event(), threading.Event(), Collector()

    def hang(_: ReceivedMessage) -> None:
        begun.set()
        end.wait()

    consume(cluster, Queue('hanging', auto_delete=True), hang)
    consume(cluster, Queue('going', auto_delete=True), others)
    try:
        confirmed(cluster, b'', 'hanging').result(PATIENCE)
        await_event(begun, 'the callback')
        for _ in range(100):
            confirmed(cluster, b'', 'going').result(PATIENCE)
        others.wait_for(100)

        cluster.shutdown()
        assert cluster.is_shutdown()
        assert 'still runs a callback' in caplog.text
    finally:
        end.set()


CALLS: dict[str, Callable[[Cluster], object]] = {
    'publish': lambda cluster: confirmed(cluster, b'', 'answers').result(PATIENCE),
    'declare': lambda cluster: cluster.declare(Queue('another', auto_delete=True)).result(PATIENCE),
    'delete': lambda cluster: cluster.delete_queue(Queue('another')).result(PATIENCE),
    'consume': lambda cluster: consume(cluster, Queue('another', auto_delete=True), print),
    'shutdown': lambda cluster: cluster.shutdown(),
    'drain': lambda cluster: cluster.drain(0),
}


@pytest.mark.parametrize('call', CALLS.values(), ids=CALLS)
def test_a_callback_may_call_the_cluster_and_wait_for_it(
    cluster: Cluster, call: Callable[[Cluster], object]
) -> None:
    cluster.declare(Queue('answers', auto_delete=True)).result(PATIENCE)
    collector = Collector(lambda _: call(cluster))
    consume(cluster, Queue('calls', auto_delete=True), collector)
    confirmed(cluster, b'', 'calls')

    collector.wait_for(1)


def test_a_callback_may_cancel_its_own_consumer(cluster: Cluster) -> None:
    consumers: list[Any] = []
    collector = Collector(lambda _: consumers[0].cancel().result(PATIENCE))
    queue = Queue('cancelling')
    consumers.append(consume(cluster, queue, collector, no_ack=False, qos=1))
    for _ in range(3):
        confirmed(cluster, b'', 'cancelling').result(PATIENCE)

    collector.wait_for(1)
    assert consumers[0].cancelled
    again = Collector(ReceivedMessage.ack)
    consume(cluster, queue, again, no_ack=False)
    again.wait_for(3)  # none was acknowledged, so all are still there
    assert len(collector.messages) == 1


def test_a_done_callback_may_wait_for_another_future(cluster: Cluster) -> None:
    cluster.declare(Queue('chained', auto_delete=True)).result(PATIENCE)
    seen, threads = Signals(), set[str]()

    def go_on(future: Future[Any]) -> None:
        threads.add(threading.current_thread().name)
        seen(future.result(0), confirmed(cluster, b'', 'chained').result(PATIENCE))

    confirmed(cluster, b'', 'chained').add_done_callback(go_on)
    seen.wait_for(1)
    assert seen.calls == [(None, None)]


def test_callbacks_that_publish_and_wait_do_so_with_a_thousand_messages(cluster: Cluster) -> None:
    cluster.declare(Queue('sink', auto_delete=True)).result(PATIENCE)
    collector = Collector(lambda message: confirmed(cluster, message.body, 'sink').result(PATIENCE))
    consume(cluster, Queue('source', auto_delete=True), collector)
    for number in range(1000):
        confirmed(cluster, b'%d' % number, 'source')

    collector.wait_for(1000)
    assert collector.bodies == [b'%d' % number for number in range(1000)]


def test_no_message_comes_after_cancel_has_ended(cluster: Cluster) -> None:
    queue = Queue('ending')
    collector = Collector()
    consumer = consume(cluster, queue, collector, no_ack=False, qos=10)
    ends = Signals()
    consumer.on_cancel.add(ends)
    for number in range(100):
        confirmed(cluster, b'%d' % number, 'ending')
    collector.wait_for(1)

    consumer.cancel().result(PATIENCE)
    assert consumer.cancel().result(PATIENCE) is None  # once more
    ends.wait_for(1)
    for message in list(collector.messages):
        message.ack()  # too late, and harmless
    again = Collector()
    consume(cluster, queue, again)
    again.wait_for(100)
    assert len(ends.calls) == 1


def test_messages_that_were_nacked_come_again(cluster: Cluster) -> None:
    def refuse_once(message: ReceivedMessage) -> None:
        if len(collector.messages) == 0:
            message.nack()
        else:
            message.ack()

    collector = Collector(refuse_once)
    consume(cluster, Queue('nacking', auto_delete=True), collector, no_ack=False)
    confirmed(cluster, b'once more', 'nacking')

    collector.wait_for(2)
    assert collector.bodies == [b'once more'] * 2
    assert [message.acked for message in collector.messages] == [False, True]
