"""Consuming: workers, inline callbacks, iteration, callbacks that raise, and all options."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from coolamqp.attaches import Consumer
from coolamqp.clustering import Cluster, MessageReceived, NothingMuch
from coolamqp.exceptions import AMQPError
from coolamqp.objects import Message, Queue, ReceivedMessage
from tests.conftest import MakeCluster
from tests.integration.support import (
    PATIENCE,
    SHORT,
    Collector,
    Signals,
    await_event,
    confirmed,
    consume,
)
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration


def fill(cluster: Cluster, queue: str, count: int) -> None:
    """Put numbered messages into a queue that is there."""
    for future in cluster.publish_many(
        [Message(b'%d' % n) for n in range(count)], routing_key=queue
    ):
        future.result(PATIENCE)


# Workers


def test_workers_run_callbacks_side_by_side(cluster: Cluster) -> None:
    together = threading.Barrier(4)

    def meet(message: ReceivedMessage) -> None:
        together.wait(PATIENCE)
        message.ack()

    done = Collector(meet)
    consume(cluster, Queue('q'), done, no_ack=False, prefetch=8, workers=4)
    fill(cluster, 'q', 12)

    done.wait_for(12)  # none would end if fewer than four ran at once


def test_never_more_callbacks_run_than_there_are_workers(cluster: Cluster) -> None:
    running, most = [0], [0]
    lock = threading.Lock()
    gate = threading.Semaphore(0)

    def count(message: ReceivedMessage) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        gate.acquire(timeout=PATIENCE)
        with lock:
            running[0] -= 1

    done = Collector(count)
    consume(cluster, Queue('q'), done, workers=3)
    fill(cluster, 'q', 50)
    gate.release(50)

    done.wait_for(50)
    assert most[0] <= 3


def test_one_worker_keeps_the_order(cluster: Cluster) -> None:
    collector = Collector()
    consume(cluster, Queue('q'), collector)
    fill(cluster, 'q', 500)

    assert [message.body for message in collector.wait_for(500)] == [b'%d' % n for n in range(500)]


# Inline


def test_an_inline_callback_runs_on_the_io_thread_in_order(cluster: Cluster) -> None:
    threads = set()
    collector = Collector(lambda _: threads.add(threading.current_thread().name))
    consume(cluster, Queue('q'), collector, inline=True)
    fill(cluster, 'q', 100)

    assert [message.body for message in collector.wait_for(100)] == [b'%d' % n for n in range(100)]
    assert threads == {'CoolAMQP AMQP listener thread'}


def test_waiting_in_an_inline_callback_is_refused_and_not_a_deadlock(cluster: Cluster) -> None:
    def wait(call: Callable[[], Any]) -> Callable[[ReceivedMessage], None]:
        def on_message(_message: ReceivedMessage) -> None:
            with pytest.raises(RuntimeError, match='deadlock'):
                call()

        return on_message

    calls: list[Callable[[], Any]] = [
        lambda: cluster.get('q').result(),
        lambda: confirmed(cluster, b'', 'nowhere').exception(),
        lambda: cluster.drain(None),
        cluster.wait_for_confirms,
        cluster.wait_connected,
        lambda: cluster.messages(Queue('q')),
    ]
    collectors = []
    for number, call in enumerate(calls):
        collectors.append(Collector(wait(call)))
        consume(cluster, Queue(f'q{number}'), collectors[-1], inline=True)
        confirmed(cluster, b'', f'q{number}').result(PATIENCE)

    for collector in collectors:
        collector.wait_for(1)


def test_an_inline_callback_may_publish_and_ack(cluster: Cluster) -> None:
    def pass_on(message: ReceivedMessage) -> None:
        cluster.publish(Message(message.body), routing_key='out', confirm=True)
        message.ack()

    out = Collector()
    consume(cluster, Queue('out'), out)
    consume(cluster, Queue('in'), pass_on, inline=True, no_ack=False, prefetch=10)
    fill(cluster, 'in', 100)

    out.wait_for(100)


def test_an_inline_callback_that_raises_costs_nobody_anything(cluster: Cluster) -> None:
    collector = Collector()

    def fail_once(message: ReceivedMessage) -> None:
        if not message.redelivered:
            raise ValueError('not in the mood')
        collector(message)

    consume(cluster, Queue('q'), fail_once, inline=True, no_ack=False, on_error='requeue')
    confirmed(cluster, b'', 'q').result(PATIENCE)

    collector.wait_for(1)


# Callbacks that raise


def test_a_message_whose_callback_raises_goes_back_if_that_is_wished(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    collector = Collector()

    def fail_once(message: ReceivedMessage) -> None:
        if not message.redelivered:
            raise ValueError('not in the mood')
        collector(message)

    consume(cluster, Queue('q'), fail_once, no_ack=False, on_error='requeue')
    confirmed(cluster, b'x', 'q').result(PATIENCE)

    collector.wait_for(1)
    assert 'not in the mood' in caplog.text


def test_a_message_whose_callback_raises_is_dead_lettered_if_that_is_wished(
    cluster: Cluster,
) -> None:
    dead = Collector()
    consume(cluster, Queue('dead'), dead)
    arguments = {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead'}

    def fail(_message: ReceivedMessage) -> None:
        raise ValueError('never')

    consume(cluster, Queue('q', arguments=arguments), fail, no_ack=False, on_error='reject')
    confirmed(cluster, b'x', 'q').result(PATIENCE)

    (message,) = dead.wait_for(1)
    assert message.headers['x-death'][0]['reason'] == 'rejected'


def test_a_message_whose_callback_raises_is_kept_unless_told_otherwise(cluster: Cluster) -> None:
    called = Signals()

    def fail(message: ReceivedMessage) -> None:
        called(message)
        raise ValueError('never')

    consumer = consume(cluster, Queue('q'), fail, no_ack=False)
    confirmed(cluster, b'x', 'q').result(PATIENCE)
    called.wait_for(1)

    assert cluster.get('q').result(PATIENCE) is None
    consumer.cancel().result(PATIENCE)
    assert cluster.get('q').result(PATIENCE).body == b'x'


def test_what_a_callback_has_settled_is_not_settled_again(cluster: Cluster) -> None:
    called = Signals()

    def ack_and_fail(message: ReceivedMessage) -> None:
        message.ack()
        called(message)
        raise ValueError('after the work')

    consumer = consume(cluster, Queue('q'), ack_and_fail, no_ack=False, on_error='requeue')
    confirmed(cluster, b'x', 'q').result(PATIENCE)
    called.wait_for(1)
    consumer.cancel().result(PATIENCE)

    assert cluster.get('q').result(PATIENCE) is None


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


# Options


def test_the_tag_and_the_priority_reach_the_broker(cluster: Cluster) -> None:
    low, high = Collector(), Collector()
    consume(cluster, Queue('q'), low, priority=1, consumer_tag='low')
    consume(cluster, Queue('q'), high, priority=9, consumer_tag=b'high')
    fill(cluster, 'q', 20)

    messages = high.wait_for(20)
    assert {message.consumer_tag for message in messages} == {b'high'}
    assert low.messages == []


def test_an_exclusive_consumer_is_the_only_one(cluster: Cluster) -> None:
    consume(cluster, Queue('q'), Collector(), exclusive=True)

    _, future = cluster.consume(Queue('q'), Collector(), exclusive=True)

    error = future.exception(PATIENCE)
    assert isinstance(error, AMQPError)
    assert error.reply_code == 403


def test_the_prefetch_of_an_exclusive_consumer_can_be_changed(cluster: Cluster) -> None:
    collector = Collector()
    consumer = consume(cluster, Queue('q'), collector, exclusive=True, no_ack=False, prefetch=1)
    fill(cluster, 'q', 3)
    (first,) = collector.wait_for(1)

    consumer.set_qos(10)

    messages = collector.wait_for(3)
    assert [message.redelivered for message in messages] == [False] * 3
    first.ack()
    assert cluster.faults == []


def test_the_prefetch_can_be_changed_over_and_over_and_the_consumer_cancelled(
    cluster: Cluster,
) -> None:
    for exclusive in (False, True):
        consumer = consume(
            cluster, Queue('q'), Collector(), exclusive=exclusive, no_ack=False, prefetch=1
        )
        for count in range(2, 12):
            consumer.set_qos(count)
        consumer.cancel().result(PATIENCE)
    assert cluster.faults == []


def test_no_local_is_taken_and_not_heeded_by_rabbitmq(cluster: Cluster) -> None:
    collector = Collector()
    consume(cluster, Queue('q'), collector, no_local=True)
    confirmed(cluster, b'mine', 'q').result(PATIENCE)

    collector.wait_for(1)


def test_prefetch_is_a_name_of_qos(cluster: Cluster) -> None:
    collector = Collector()
    consumer = consume(cluster, Queue('q'), collector, no_ack=False, prefetch=3)
    fill(cluster, 'q', 10)

    collector.wait_for(3)
    assert consumer.qos == 3
    assert cluster.declare(Queue('q'), passive=True).result(PATIENCE).message_count == 7
    collector.messages[2].ack(multiple=True)
    assert len(collector.wait_for(6)) == 6


@pytest.mark.parametrize(
    ('options', 'error', 'text'),
    [
        ({'prefetch': -1}, ValueError, 'prefetch count'),
        ({'prefetch': 5, 'qos': 5}, ValueError, 'only one'),
        ({'workers': 0}, ValueError, 'workers must be'),
        ({'workers': 2, 'inline': True}, ValueError, 'leave out workers'),
        ({'on_error': 'ignore'}, ValueError, "'requeue', 'reject' or 'keep'"),
        ({'priority': 'high'}, TypeError, 'priority must be an int'),
        ({'consumer_tag': 'x' * 256}, ValueError, 'consumer_tag is 256 bytes'),
        ({'arguments': {'x': {'y': object()}}}, TypeError, r"\['x'\]\['y'\]"),
    ],
)
def test_options_that_make_no_sense(
    options: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        Consumer(Queue('q'), print, **options)


def test_inline_needs_a_callback() -> None:
    with pytest.raises(ValueError, match='inline needs an on_message'):
        Consumer(Queue('q'), None, inline=True)


# Settling


def test_acking_several_leaves_none_of_them(cluster: Cluster) -> None:
    collector = Collector()
    consumer = consume(cluster, Queue('q'), collector, no_ack=False)
    fill(cluster, 'q', 10)
    messages = collector.wait_for(10)

    messages[6].ack(multiple=True)
    messages[3].ack()  # it is settled already
    consumer.cancel().result(PATIENCE)

    assert [cluster.get('q').result(PATIENCE).body for _ in range(3)] == [b'7', b'8', b'9']


def test_nack_without_requeue_drops(cluster: Cluster) -> None:
    collector = Collector()
    consumer = consume(cluster, Queue('q'), collector, no_ack=False)
    fill(cluster, 'q', 3)
    messages = collector.wait_for(3)

    messages[1].nack(requeue=False, multiple=True)
    messages[2].reject(requeue=True)
    again = collector.wait_for(4)[3]

    assert (again.body, again.redelivered) == (b'2', True)
    again.ack()
    consumer.cancel().result(PATIENCE)
    assert cluster.get('q').result(PATIENCE) is None


# Iteration


def test_iterating_over_a_queue_ends_when_nothing_comes(cluster: Cluster) -> None:
    cluster.declare(Queue('q')).result(PATIENCE)
    fill(cluster, 'q', 250)

    bodies = []
    for message in cluster.messages(Queue('q'), timeout=SHORT):
        bodies.append(message.body)
        message.ack()

    assert bodies == [b'%d' % n for n in range(250)]
    assert cluster.get('q').result(PATIENCE) is None


def test_leaving_an_iteration_puts_back_what_was_not_settled(cluster: Cluster) -> None:
    cluster.declare(Queue('q')).result(PATIENCE)
    fill(cluster, 'q', 5)

    with cluster.messages(Queue('q')) as messages:
        next(messages).ack()
        next(messages)
    messages.consumer.cancel().result(PATIENCE)

    assert cluster.get('q').result(PATIENCE).body == b'1'
    assert cluster.purge('q').result(PATIENCE) == 3
    with pytest.raises(StopIteration):
        next(messages)


def test_an_iteration_that_is_just_dropped_ends_its_consumer(cluster: Cluster) -> None:
    cluster.declare(Queue('q')).result(PATIENCE)
    fill(cluster, 'q', 2)
    messages = cluster.messages(Queue('q'))
    next(messages)
    cancelled = threading.Event()
    messages.consumer.on_cancel.add(cancelled.set)

    del messages

    await_event(cancelled, 'the end of the consumer')
    assert cluster.get('q').result(PATIENCE).body == b'0'


def test_a_shutdown_ends_an_iteration(cluster: Cluster) -> None:
    messages = cluster.messages(Queue('q'))
    ended = threading.Event()

    def iterate() -> None:
        for _ in messages:
            pass
        ended.set()

    threading.Thread(target=iterate, daemon=True).start()
    cluster.shutdown()

    await_event(ended, 'the iteration')


def test_an_iteration_that_is_refused_raises(cluster: Cluster) -> None:
    cluster.declare(Queue('q', durable=True)).result(PATIENCE)
    with pytest.raises(AMQPError, match='durable'):
        cluster.messages(Queue('q'))


def test_an_iteration_goes_on_after_a_reconnect(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    cluster = make_cluster(host=proxy.host, port=proxy.port)
    cluster.start()
    with cluster.messages(Queue('q')) as messages:
        fill(cluster, 'q', 1)
        next(messages).ack()
        proxy.cut()
        confirmed(cluster, b'after', 'q').result(PATIENCE)
        while (message := next(messages)).body != b'after':
            message.ack()


def test_messages_of_an_iteration_do_not_come_out_of_drain(cluster: Cluster) -> None:
    consume(cluster, Queue('drained'))
    with cluster.messages(Queue('iterated'), no_ack=True) as messages:
        confirmed(cluster, b'iterated', 'iterated').result(PATIENCE)
        confirmed(cluster, b'drained', 'drained').result(PATIENCE)
        event = cluster.drain(PATIENCE)
        assert isinstance(event, MessageReceived)
        assert event.body == b'drained'
        assert next(messages).body == b'iterated'


def test_what_was_fetched_for_an_iteration_that_was_left_does_not_come_out_of_drain(
    cluster: Cluster,
) -> None:
    for _ in range(20):  # which catch messages at different points of their way
        cluster.declare(Queue('q')).result(PATIENCE)
        fill(cluster, 'q', 50)
        with cluster.messages(Queue('q'), prefetch=50) as messages:
            assert next(messages).body == b'0'
        cluster.delete_queue('q').result(PATIENCE)
    assert isinstance(cluster.drain(SHORT), NothingMuch)


# Messages


def test_what_a_message_says_of_itself(cluster: Cluster) -> None:
    collector = Collector()
    consume(cluster, Queue('q'), collector, consumer_tag='me')
    confirmed(cluster, 'grüß'.encode(), 'q', {'headers': {'a': [1, 'two'], 'b': {}}}).result(
        PATIENCE
    )

    (message,) = collector.wait_for(1)
    assert message.text() == 'grüß'
    assert message.headers == {'a': [1, 'two'], 'b': {}}
    assert message.headers is message.headers
    assert message.consumer_tag == b'me'
    assert message.redelivered is False
    with pytest.raises(UnicodeDecodeError):
        message.text('ascii')


def test_drained_messages_can_do_what_others_can(cluster: Cluster) -> None:
    consume(cluster, Queue('q'), no_ack=False, consumer_tag='me')
    confirmed(cluster, b'x', 'q', {'headers': {'n': 1}, 'reply_to': 'answers'}).result(PATIENCE)
    cluster.declare(Queue('answers')).result(PATIENCE)

    first = cluster.drain(PATIENCE)
    assert isinstance(first, MessageReceived)
    assert (first.headers, first.consumer_tag, first.text()) == ({'n': 1}, b'me', 'x')
    first.reply(b'y').result(PATIENCE)
    first.nack()
    again = cluster.drain(PATIENCE)
    assert isinstance(again, MessageReceived)
    assert again.redelivered
    again.reject()
    assert cluster.get('answers').result(PATIENCE).body == b'y'
