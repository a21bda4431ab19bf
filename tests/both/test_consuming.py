"""Consuming: by callback, by iteration, with `drain`; settling, prefetch, hooks, cancelling."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from coolamqp.aio import Cluster
from coolamqp.aio.events import ConsumerCancelledByBroker
from coolamqp.attaches import Consumer
from coolamqp.exceptions import AMQPError
from coolamqp.framing.frames import AMQPFrame
from coolamqp.objects import Message, Queue, ReceivedMessage
from tests.both.conftest import MakeCluster
from tests.both.faces import result
from tests.both.support import (
    PATIENCE,
    SHORT,
    Collector,
    confirmed,
    consume,
    content_of,
    fill,
    numbers,
)
from tests.support.nodes import BrokerNode

pytestmark = pytest.mark.integration

QUEUE = Queue('q', durable=True)


async def test_messages_come_in_order_and_are_acknowledged(cluster: Cluster) -> None:
    collector = Collector(ReceivedMessage.ack)
    consumer = await consume(cluster, QUEUE, collector, no_ack=False, prefetch=7)
    await fill(cluster, 'q', 1000)
    await collector.wait_for(1000)
    await result(consumer.cancel())

    assert numbers(collector.bodies) == list(range(1000))
    assert await cluster.get('q') is None


async def test_a_slow_consumer_holds_up_nobody_else(cluster: Cluster) -> None:
    gate, quick = asyncio.Event(), Collector()

    async def wait(_: ReceivedMessage) -> None:
        await gate.wait()

    await consume(cluster, Queue('slow'), wait)
    await consume(cluster, Queue('quick'), quick)
    await fill(cluster, 'slow', 10)
    await fill(cluster, 'quick', 10)
    await quick.wait_for(10)
    gate.set()


async def test_workers_run_side_by_side(cluster: Cluster) -> None:
    together, done = asyncio.Barrier(4), Collector()

    async def meet(message: ReceivedMessage) -> None:
        await together.wait()  # which would not end if fewer than four ran at once
        message.ack()
        done(message)

    await consume(cluster, QUEUE, meet, no_ack=False, prefetch=8, workers=4)
    await fill(cluster, 'q', 12)
    await done.wait_for(12)


async def test_an_inline_callback_may_publish_and_ack(cluster: Cluster) -> None:
    def pass_on(message: ReceivedMessage) -> None:
        cluster.publish(Message(message.body), routing_key='out', confirm=True)
        message.ack()

    out = Collector()
    await consume(cluster, Queue('out'), out)
    consumer = await consume(cluster, QUEUE, pass_on, no_ack=False, inline=True)
    await fill(cluster, 'q', 100)
    await out.wait_for(100)
    assert numbers(out.bodies) == list(range(100))
    await result(consumer.cancel())
    assert await content_of(cluster, 'q') == []


async def test_a_consumer_that_is_refused_says_why(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    consumer, ready = cluster.consume(Queue('q'), print)  # which is not durable, and was so
    with pytest.raises(AMQPError, match='PRECONDITION_FAILED'):
        await ready
    assert consumer.cancelled
    await result(consumer.cancel())
    await result(Consumer(QUEUE, print).cancel())  # which was never added


class Upper(Consumer):
    """Has its messages in capitals, by the extension point that sees frames."""

    def on_delivery(self, frame: AMQPFrame) -> None:
        if type(frame).__name__ == 'AMQPBodyFrame':
            frame.data = bytes(frame.data).upper()  # type: ignore[attr-defined]  # see above
        super().on_delivery(frame)


async def test_a_consumer_of_a_class_of_ones_own(cluster: Cluster) -> None:
    collector = Collector()
    await cluster.add_consumer(Upper(QUEUE, collector))
    for body in (b'one', b'two'):
        await confirmed(cluster, body, 'q')
    await collector.wait_for(2)
    assert collector.bodies == [b'ONE', b'TWO']


# -- callbacks that raise


async def test_a_callback_that_raises_is_logged_and_the_next_message_comes(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(message: ReceivedMessage) -> None:
        if message.body == b'0':
            raise ValueError('stumbled over this one')

    collector = Collector(stumble)
    await consume(cluster, QUEUE, collector)
    await fill(cluster, 'q', 2)
    await collector.wait_for(1)
    assert collector.bodies == [b'1']
    assert 'stumbled over this one' in caplog.text


@pytest.mark.parametrize('inline', [False, True])
async def test_a_message_whose_callback_raised_comes_again(cluster: Cluster, inline: bool) -> None:
    def stumble(message: ReceivedMessage) -> None:
        if not message.redelivered:
            raise ValueError('on purpose')

    collector = Collector(stumble)
    await consume(cluster, QUEUE, collector, no_ack=False, on_error='requeue', inline=inline)
    await fill(cluster, 'q', 1)
    await collector.wait_for(1)
    assert collector.items[0].redelivered


async def test_a_message_whose_callback_raised_is_dead_lettered(cluster: Cluster) -> None:
    async def fail(_: ReceivedMessage) -> None:
        raise ValueError('never')

    dead = Collector()
    await consume(cluster, Queue('dead'), dead)
    arguments = {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead'}
    queue = Queue('q', arguments=arguments)
    await consume(cluster, queue, fail, no_ack=False, on_error='reject')
    await fill(cluster, 'q', 1)
    (message,) = await dead.wait_for(1)
    assert message.headers['x-death'][0]['reason'] == 'rejected'


# -- settling, prefetch


async def test_messages_that_were_nacked_come_again(cluster: Cluster) -> None:
    def refuse_once(message: ReceivedMessage) -> None:
        if message.redelivered:
            message.ack()
        else:
            message.nack()

    collector = Collector(refuse_once)
    await consume(cluster, QUEUE, collector, no_ack=False)
    await confirmed(cluster, b'once more', 'q')
    await collector.wait_for(2)
    assert collector.bodies == [b'once more'] * 2
    assert [message.acked for message in collector.items] == [False, True]


async def test_a_prefetch_is_kept_and_can_be_changed_while_running(cluster: Cluster) -> None:
    collector = Collector()
    consumer = await consume(cluster, QUEUE, collector, no_ack=False, prefetch=2)
    await fill(cluster, 'q', 20)
    await collector.wait_for(2)
    left = await cluster.declare(QUEUE, passive=True)
    assert left.message_count == 18

    consumer.set_qos(5)
    await collector.wait_for(7)  # the two of before, and five for the consumer that replaced it
    for message in list(collector.items):
        message.ack()
    await collector.wait_for(12)


@pytest.mark.parametrize('exclusive', [False, True])
async def test_a_prefetch_can_be_changed_over_and_over(cluster: Cluster, exclusive: bool) -> None:
    collector = Collector()
    consumer = await consume(
        cluster, QUEUE, collector, no_ack=False, exclusive=exclusive, prefetch=1
    )
    await fill(cluster, 'q', 3)
    await collector.wait_for(1)
    for count in range(2, 12):
        consumer.set_qos(count)
    await collector.wait_for(3)
    assert [message.redelivered for message in collector.items] == [False] * 3
    await result(consumer.cancel())
    assert cluster.faults == []


async def test_several_messages_are_settled_at_once(cluster: Cluster) -> None:
    collector = Collector()
    consumer = await consume(cluster, QUEUE, collector, no_ack=False)
    await fill(cluster, 'q', 10)
    messages = list(await collector.wait_for(10))
    messages[3].ack(multiple=True)
    messages[1].nack()  # it is settled already
    messages[6].nack(requeue=False, multiple=True)
    messages[7].reject(requeue=True)
    again = (await collector.wait_for(11))[10]
    assert (again.body, again.redelivered) == (b'7', True)
    again.ack()
    await result(consumer.cancel())
    assert numbers(await content_of(cluster, 'q')) == [8, 9]


async def test_an_exclusive_consumer_is_the_only_one(cluster: Cluster) -> None:
    await consume(cluster, QUEUE, print, exclusive=True)
    with pytest.raises(AMQPError, match='exclusive use'):
        await consume(cluster, QUEUE, print, exclusive=True)


# -- the end of a consumer


async def test_no_message_comes_after_cancel_has_ended(cluster: Cluster) -> None:
    collector, ended = Collector(), Collector()
    consumer = await consume(cluster, QUEUE, collector, no_ack=False, qos=10)
    consumer.on_cancel.add(ended)
    await fill(cluster, 'q', 100)
    await collector.wait_for(1)

    await result(consumer.cancel())
    assert await result(consumer.cancel()) is None  # once more
    await ended.wait_for(1)
    for message in list(collector.items):
        message.ack()  # too late, and harmless
    assert len(await content_of(cluster, 'q')) == 100
    assert len(ended.items) == 1


async def test_a_consumer_may_be_cancelled_after_the_shutdown(cluster: Cluster) -> None:
    consumer = await consume(cluster, Queue(), print)
    await cluster.shutdown()
    assert await result(consumer.cancel()) is None
    assert consumer.cancelled


async def test_a_queue_deleted_under_its_consumer_is_declared_again(cluster: Cluster) -> None:
    collector, told = Collector(), Collector()
    consumer = await consume(cluster, QUEUE, collector)
    consumer.on_broker_cancel.add(told)
    await cluster.delete_queue(QUEUE)
    await told.wait_for(1)

    async with asyncio.timeout(PATIENCE):
        while not collector.items:  # messages go nowhere until it is declared again
            await confirmed(cluster, b'again', 'q')
            await asyncio.sleep(0.01)
    assert not consumer.cancelled


async def test_a_deleted_queue_comes_back_with_its_persistent_bindings(
    cluster: Cluster, make_cluster: MakeCluster
) -> None:
    events, operational = Collector(), Collector()

    class Watched(Consumer):
        def on_operational(self, up: bool) -> None:
            operational(up)

    consumer = Watched(QUEUE, None)
    await cluster.add_consumer(consumer)
    await cluster.bind(QUEUE, 'amq.topic', 'a.*', persistent=True)
    cluster.on_event.add(events)
    async with make_cluster() as other:
        await other.delete_queue(QUEUE)
    await events.wait_for(1)
    assert isinstance(events.items[0], ConsumerCancelledByBroker)
    assert events.items[0].consumer is consumer

    assert await operational.wait_for(3) == [True, False, True]
    await cluster.publish(Message(b'bound'), 'amq.topic', 'a.b', confirm=True, mandatory=True)


async def test_a_new_prefetch_of_an_exclusive_consumer_loses_no_message(cluster: Cluster) -> None:
    queue, collector = Queue('passing', auto_delete=True), Collector(ReceivedMessage.ack)
    consumer = await consume(cluster, queue, collector, no_ack=False, prefetch=1, exclusive=True)
    await fill(cluster, 'passing', 50)
    consumer.set_qos(8)
    await fill(cluster, 'passing', 50)
    await collector.wait_for(100)


@pytest.mark.parametrize(
    ('queue', 'flags'),
    [('theirs', {}), (Queue('theirs'), {'declare': False}), (Queue('theirs'), {'passive': True})],
)
async def test_a_user_who_may_only_read_consumes_a_queue_of_others(
    cluster: Cluster,
    make_cluster: MakeCluster,
    rabbitmq: BrokerNode,
    vhost: str,
    queue: Queue | str,
    flags: dict[str, Any],
) -> None:
    collector = Collector()
    await cluster.declare(Queue('theirs', durable=True, arguments={'x-max-length': 100}))
    rabbitmq.add_reader('reader', vhost)
    async with make_cluster(user='reader', password='reader') as reader:
        await consume(reader, queue, collector, **flags)
        await confirmed(cluster, b'read', 'theirs')
        await collector.wait_for(1)
        async with reader.messages('theirs', timeout=SHORT) as messages:
            assert [message async for message in messages] == []
        _, refused = reader.consume('missing')
        with pytest.raises(AMQPError, match='404'):
            await refused
