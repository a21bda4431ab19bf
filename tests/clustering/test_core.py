"""The core of a Cluster by threads: batches, callbacks that it refuses, and many threads."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from coolamqp.attaches import Consumer
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue, ReceivedMessage
from tests.conftest import MakeCluster
from tests.integration.support import PATIENCE, SHORT, Collector, await_event, confirmed, consume

pytestmark = pytest.mark.integration


@pytest.mark.usefixtures('no_leaks')
def test_a_system_without_a_thread_to_spare_ends_the_cluster(
    make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    cluster = make_cluster(port=1)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, 'start', refuse)
        with pytest.raises(RuntimeError, match='new thread'):
            cluster.start()
    assert cluster.is_shutdown()
    cluster.shutdown()


def test_publish_waits_for_room_and_raises_at_its_timeout(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(port=1, max_unconfirmed_bytes=10_000)
    cluster.start(wait=False)
    confirmed(cluster, bytes(20_000), 'nowhere')  # one is taken, whatever its size
    with pytest.raises(TimeoutError, match='unconfirmed'):
        cluster.publish(Message(b''), confirm=True, timeout=SHORT)
    with pytest.raises(TimeoutError, match='1 messages are not confirmed'):
        cluster.wait_for_confirms(SHORT)


def test_messages_of_a_batch_for_which_there_was_no_room_fail(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(port=1, max_unconfirmed=3)
    cluster.start(wait=False)

    futures = cluster.publish_many([Message(b'')] * 5, timeout=SHORT)

    assert [future.done() for future in futures] == [False, False, False, True, True]
    assert all(isinstance(future.exception(), TimeoutError) for future in futures[3:])


def test_a_coroutine_function_is_no_callback_for_threads(cluster: Cluster) -> None:
    async def on_message(_message: object) -> None:
        """Never be called."""

    with pytest.raises(TypeError, match=r'coroutine function.*coolamqp\.aio'):
        cluster.consume(Queue('q'), on_message)
    with pytest.raises(TypeError, match=r'coroutine function.*coolamqp\.aio'):
        cluster.add_consumer(Consumer(Queue('q'), on_message))


def test_a_callback_that_fails_because_of_the_shutdown_costs_no_message(
    cluster: Cluster, make_cluster: MakeCluster
) -> None:
    at_work, ending = threading.Event(), threading.Event()

    def pass_on(message: ReceivedMessage) -> None:
        at_work.set()
        await_event(ending, 'the shutdown')
        worker.publish(Message(message.body), routing_key='out', confirm=True)

    worker = make_cluster()
    worker.start()
    arguments = {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead'}
    jobs = Queue('in', arguments=arguments)
    consume(worker, jobs, pass_on, no_ack=False, on_error='reject')
    cluster.declare(Queue('dead')).result(PATIENCE)
    confirmed(cluster, b'good', 'in').result(PATIENCE)
    await_event(at_work, 'the callback')
    worker.shutdown(wait=False)
    ending.set()
    worker.shutdown()

    consume(cluster, jobs, Collector(), no_ack=False, prefetch=1).cancel().result(PATIENCE)
    assert cluster.get('dead').result(PATIENCE) is None
    assert cluster.get('in').result(PATIENCE).body == b'good'


def upper(message: ReceivedMessage) -> None:
    message.reply(message.body.upper(), {'app_id': 'upper'})
    message.ack()


def test_an_iteration_of_a_thread_that_has_ended_does_not_hold_up_the_shutdown(
    cluster: Cluster,
) -> None:
    queue = Queue('q', durable=True)
    cluster.declare(queue).result(PATIENCE)
    confirmed(cluster, b'', 'q').result(PATIENCE)
    messages = cluster.messages(queue)
    thread = threading.Thread(target=lambda: next(messages).ack())
    thread.start()
    thread.join(PATIENCE)
    stop = threading.Thread(target=partial(cluster.shutdown, timeout=None), daemon=True)
    stop.start()
    stop.join(PATIENCE)
    assert not stop.is_alive()


def test_calls_of_many_threads(cluster: Cluster) -> None:
    consume(cluster, Queue('upper'), upper, no_ack=False, prefetch=50)
    wrong: list[bytes] = []

    def work(number: int) -> None:
        for n in range(50):
            body = b'%d of %d' % (n, number)
            if cluster.call(body, 'upper').result(PATIENCE).body != body.upper():
                wrong.append(body)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert wrong == []
    assert not any(thread.is_alive() for thread in threads)
