"""Signal handlers and finalizers that call a Cluster in the middle of a call of their thread."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any

import pytest

from coolamqp.attaches import Consumer
from coolamqp.clustering import Cluster
from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import Message, Queue, ReceivedMessage
from coolamqp.tracing import BaseFrameTracer
from tests.conftest import MakeCluster
from tests.integration.signalled import WORK
from tests.integration.support import PATIENCE, Collector, confirmed, consume

pytestmark = pytest.mark.integration

TRIES = 3

# What a Cluster holds while a call is in progress. A test that holds it takes the part of a signal
# handler or a finalizer in the middle of that call.
LOCKS: dict[str, Callable[[Cluster], AbstractContextManager[object]]] = {
    'engine': lambda cluster: cluster._core.lock,
    'waiting': lambda cluster: cluster._core.waiting_lock,
    'future': lambda cluster: cluster._core.new_future()._condition,
}


def commit(cluster: Cluster) -> Future[Any] | None:
    transaction = cluster.transaction()
    transaction.publish(Message(b'x'), routing_key='q')
    return transaction.commit()


CALLS: dict[str, Callable[[Cluster], Any]] = {
    'publish': lambda cluster: confirmed(cluster, b'x', 'q'),
    'publish_many': lambda cluster: cluster.publish_many([Message(b'x')], routing_key='q')[0],
    'transaction': commit,
    'get': lambda cluster: cluster.get('q'),
    'declare': lambda cluster: cluster.declare(Queue('other')),
    'bind': lambda cluster: cluster.bind('q', 'amq.topic', 'key'),
    'purge': lambda cluster: cluster.purge('q'),
    'delete_queue': lambda cluster: cluster.delete_queue('q'),
    'consume': lambda cluster: cluster.consume(Queue('q'), print)[1],
    'add_consumer': lambda cluster: cluster.add_consumer(Consumer(Queue('q'), print)),
    'consume and cancel': lambda cluster: cluster.consume(Queue('q'), print)[0].cancel(),
}

WAITS: dict[str, Callable[[Cluster], Any]] = {
    'result': lambda cluster: confirmed(cluster, b'x', 'q').result(),
    'exception': lambda cluster: cluster.get('q').exception(),
    'drain': lambda cluster: cluster.drain(None),
    'drain without a timeout': lambda cluster: cluster.drain(0),
    'messages': lambda cluster: cluster.messages(Queue('q')),
    'wait_for_confirms': lambda cluster: cluster.wait_for_confirms(),
    'wait_connected': lambda cluster: cluster.wait_connected(),
    'start': lambda cluster: cluster.start(),
}


@pytest.fixture
def with_queue(cluster: Cluster) -> Cluster:
    cluster.declare(Queue('q')).result(PATIENCE)
    return cluster


@pytest.mark.parametrize('lock', LOCKS.values(), ids=LOCKS)
@pytest.mark.parametrize('call', CALLS.values(), ids=CALLS)
def test_a_call_that_interrupts_another_is_carried_out_soon(
    with_queue: Cluster,
    call: Callable[[Cluster], Future[Any]],
    lock: Callable[[Cluster], AbstractContextManager[object]],
) -> None:
    with lock(with_queue):
        future = call(with_queue)
    future.result(PATIENCE)


@pytest.mark.parametrize('lock', LOCKS.values(), ids=LOCKS)
@pytest.mark.parametrize('wait', WAITS.values(), ids=WAITS)
def test_a_call_that_interrupts_another_must_not_wait(
    with_queue: Cluster,
    wait: Callable[[Cluster], Any],
    lock: Callable[[Cluster], AbstractContextManager[object]],
) -> None:
    with lock(with_queue), pytest.raises(RuntimeError, match=r'interrupted|started before'):
        wait(with_queue)
    confirmed(with_queue, b'later', 'q').result(PATIENCE)


@pytest.mark.parametrize('lock', LOCKS.values(), ids=LOCKS)
def test_a_shutdown_that_interrupts_another_call_happens_after_it(
    with_queue: Cluster, lock: Callable[[Cluster], AbstractContextManager[object]]
) -> None:
    with lock(with_queue):
        future = confirmed(with_queue, b'x', 'q')
        with_queue.shutdown()
        assert not with_queue.is_shutdown()
    with_queue.shutdown()
    assert with_queue.is_shutdown()
    assert future.exception(PATIENCE) is None


def test_messages_keep_their_order(with_queue: Cluster) -> None:
    for number in range(0, 20, 2):
        with with_queue._core.lock:
            future = confirmed(with_queue, b'%d' % number, 'q')
            with_queue.publish(Message(b'plain'), routing_key='nowhere')
        confirmed(with_queue, b'%d' % (number + 1), 'q').result(PATIENCE)
        assert future.done()
    collector = Collector()
    consume(with_queue, Queue('q'), collector)
    assert [int(message.body) for message in collector.wait_for(20)] == list(range(20))


def test_a_message_is_acknowledged_and_a_prefetch_changed(with_queue: Cluster) -> None:
    collector = Collector()
    consumer = consume(with_queue, Queue('q'), collector, no_ack=False, prefetch=1)
    for body in (b'1', b'2', b'3'):
        confirmed(with_queue, body, 'q').result(PATIENCE)
    (first,) = collector.wait_for(1)
    with with_queue._core.lock:
        first.ack()
    second = collector.wait_for(2)[1]
    with with_queue._core.lock:
        consumer.set_qos(5)
        second.ack()
    collector.wait_for(3)


@pytest.mark.parametrize('lock', LOCKS.values(), ids=LOCKS)
@pytest.mark.parametrize(
    'settle', [ReceivedMessage.ack, ReceivedMessage.nack, ReceivedMessage.reject]
)
def test_a_message_is_settled_in_the_middle_of_a_call(
    with_queue: Cluster,
    settle: Callable[[ReceivedMessage], bool],
    lock: Callable[[Cluster], AbstractContextManager[object]],
) -> None:
    collector = Collector()
    consume(with_queue, Queue('q'), collector, no_ack=False, prefetch=1)
    confirmed(with_queue, b'1', 'q').result(PATIENCE)
    (first,) = collector.wait_for(1)
    with lock(with_queue):
        assert settle(first)
    confirmed(with_queue, b'2', 'q').result(PATIENCE)
    expected = b'1' if settle is ReceivedMessage.nack else b'2'
    assert collector.wait_for(2)[1].body == expected


@pytest.mark.parametrize('lock', LOCKS.values(), ids=LOCKS)
def test_a_done_callback_is_called_that_was_added_in_the_middle_of_a_call(
    with_queue: Cluster, lock: Callable[[Cluster], AbstractContextManager[object]]
) -> None:
    called: queue.Queue[Future[Any]] = queue.Queue()
    with lock(with_queue):
        future = confirmed(with_queue, b'x', 'q')
        future.add_done_callback(called.put)
    assert called.get(timeout=PATIENCE) is future


def test_a_message_that_is_on_its_way_cannot_be_cancelled_there(with_queue: Cluster) -> None:
    with with_queue._core.lock:
        future = confirmed(with_queue, b'x', 'q')
        assert not future.cancel()
    assert future.result(PATIENCE) is None


def test_a_refusal_there_is_raised_or_ends_the_future(with_queue: Cluster) -> None:
    consumer = consume(with_queue, Queue('q'), print)
    with with_queue._core.lock:
        again = with_queue.add_consumer(consumer)
    assert isinstance(again.exception(PATIENCE), ValueError)
    with_queue.shutdown()
    with with_queue._core.lock, pytest.raises(ConnectionDead):
        confirmed(with_queue, b'x', 'q')


class Finalized:
    """An object whose end publishes a message."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def __del__(self) -> None:
        self._cluster.publish(Message(b'finalized'), routing_key='q')


class DroppingTracer(BaseFrameTracer):
    """A tracer in which objects end, inside the engine on the thread that drives it."""

    def __init__(self) -> None:
        self.dropped: Finalized | None = None

    def on_frame(self, timestamp: float, frame: object, direction: str) -> None:
        self.dropped = None


def test_a_finalizer_may_publish_on_the_leader(make_cluster: MakeCluster) -> None:
    tracer = DroppingTracer()
    cluster = make_cluster(log_frames=tracer)
    cluster.start()
    collector = Collector()
    consume(cluster, Queue('q'), collector)
    tracer.dropped = Finalized(cluster)
    confirmed(cluster, b'x', 'q').result(PATIENCE)
    collector.wait_until(lambda messages: len(messages) == 2, 'both messages')


@pytest.mark.parametrize('work', WORK)
def test_a_program_ends_after_sigterm_wherever_it_is(broker_url: str, work: str) -> None:
    for _ in range(TRIES):
        program = subprocess.Popen(
            [sys.executable, '-m', 'tests.integration.signalled', broker_url, work],
            stdout=subprocess.PIPE,
            text=True,
        )
        with program:
            assert program.stdout is not None
            program.stdout.readline()
            program.send_signal(signal.SIGTERM)
            try:
                assert program.wait(PATIENCE) == 0
            finally:
                program.kill()
