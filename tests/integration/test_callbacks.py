"""Callbacks may call whatever they like, and wait for it on their thread."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue, ReceivedMessage
from coolamqp.supervisor.watermarks import HIGH_MESSAGES
from tests.integration.support import (
    PATIENCE,
    Collector,
    Signals,
    await_event,
    confirmed,
    consume,
)

pytestmark = pytest.mark.integration

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


@pytest.mark.parametrize('stop', ['cancel', 'shutdown'])
def test_a_callback_may_settle_after_it_has_stopped_its_consumer(
    cluster: Cluster, make_cluster: Callable[..., Cluster], stop: str
) -> None:
    worker = make_cluster()
    worker.start()
    consumers: list[Any] = []

    def on_message(message: ReceivedMessage) -> None:
        if stop == 'cancel':
            consumers[0].cancel().result(PATIENCE)
        else:
            worker.shutdown(wait=False)
        message.ack()

    collector, queue = Collector(on_message), Queue('stopping', durable=True)
    consumers.append(consume(worker, queue, collector, no_ack=False, qos=1))
    for _ in range(3):
        confirmed(cluster, b'', 'stopping').result(PATIENCE)
    collector.wait_for(1)
    consumers[0].cancel().result(PATIENCE)
    assert cluster.purge(queue).result(PATIENCE) == 2


@pytest.mark.parametrize('by_loop', [False, True])
def test_a_loop_finishes_its_message_and_the_others_go_back(
    cluster: Cluster, make_cluster: Callable[..., Cluster], by_loop: bool
) -> None:
    queue = Queue('looping', durable=True)
    cluster.declare(queue).result(PATIENCE)
    for _ in range(9):
        confirmed(cluster, b'', 'looping').result(PATIENCE)
    worker, begun, stopping = make_cluster(), threading.Event(), threading.Event()
    worker.start()

    def iterate() -> None:
        for message in worker.messages(queue):
            begun.set()
            if by_loop:  # It cannot wait for itself.
                message.ack()
                worker.shutdown()
            else:
                await_event(stopping, 'shutdown')
                message.ack()

    loop = threading.Thread(target=iterate)
    loop.start()
    await_event(begun, 'message')
    if not by_loop:
        worker.shutdown(wait=False)
        while cluster.declare(queue, passive=True).result(PATIENCE).consumer_count:
            pass
        stopping.set()
    loop.join(PATIENCE)
    worker.shutdown()
    assert cluster.purge(queue).result(PATIENCE) == 8


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


def test_a_callback_may_wait_for_futures_in_any_way_while_its_backlog_is_full(
    cluster: Cluster,
) -> None:
    outcome: list[int] = []
    done = threading.Event()

    def on_message(_message: object) -> None:
        if outcome:
            return
        while cluster._core.engine.mailboxes.watermarks.messages < HIGH_MESSAGES:
            threading.Event().wait(0.01)
        futures = [confirmed(cluster, b'x', 'nowhere') for _ in range(3)]
        outcome.append(len(concurrent.futures.wait(futures, PATIENCE).done))
        done.set()

    cluster.declare(Queue('behind')).result(PATIENCE)
    cluster.publish_many([Message(b'x')] * (HIGH_MESSAGES + 5000), routing_key='behind')
    cluster.wait_for_confirms(PATIENCE)
    consume(cluster, Queue('behind'), on_message)
    await_event(done, 'the end of the callback')
    assert outcome == [3]
