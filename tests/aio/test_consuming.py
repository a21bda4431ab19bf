"""Consuming: callbacks, iteration, drain, single messages, requests."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from coolamqp.aio import Cluster, MessageReceived, NothingMuch
from coolamqp.attaches import Consumer
from coolamqp.exceptions import AMQPError, Returned
from coolamqp.framing.frames import AMQPFrame
from coolamqp.objects import Exchange, Message, NodeDefinition, Queue, ReceivedMessage
from coolamqp.supervisor import watermarks
from tests.aio.support import PATIENCE, Collector, cluster_with, fill, numbers, soon

pytestmark = pytest.mark.integration

QUEUE = Queue('q', durable=True)


def ack(message: ReceivedMessage) -> None:
    message.ack()


async def test_messages_come_in_order_and_are_acknowledged(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        collector = Collector(ack)
        consumer, ready = cluster.consume(QUEUE, collector, no_ack=False, prefetch=7)
        await soon(ready)
        await fill(cluster, 'q', 1000)
        await collector.wait_for(1000)
        await soon(consumer.cancel())

        assert numbers(collector.bodies) == list(range(1000))
        assert await soon(cluster.get('q')) is None


async def test_a_message_can_be_acknowledged_after_it_was_tried_on_a_wrong_thread(
    node: NodeDefinition,
) -> None:
    async with cluster_with(node, 'q') as cluster:
        await fill(cluster, 'q', 1)
        message = await cluster.get('q')
        with pytest.raises(RuntimeError, match='event loop'):
            await asyncio.to_thread(message.ack)
        message.ack()
    async with Cluster(node) as cluster:
        assert await cluster.get('q') is None


async def test_a_slow_consumer_holds_up_nobody_else(node: NodeDefinition) -> None:
    async with cluster_with(node, 'slow') as cluster:
        gate, quick = asyncio.Event(), Collector()

        async def wait(message: ReceivedMessage) -> None:
            await gate.wait()

        await soon(cluster.consume(Queue('slow', durable=True), wait)[1])
        await soon(cluster.consume(Queue('quick', durable=True), quick)[1])
        await fill(cluster, 'slow', 10)
        await fill(cluster, 'quick', 10)
        await quick.wait_for(10)
        gate.set()


async def test_a_message_whose_callback_raised_comes_again(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        seen: list[bool] = []
        done = asyncio.Event()

        async def on_message(message: ReceivedMessage) -> None:
            seen.append(message.redelivered)
            if len(seen) == 1:
                raise ValueError('on purpose')
            message.ack()
            done.set()

        consuming = cluster.consume(QUEUE, on_message, no_ack=False, on_error='requeue')[1]
        await soon(consuming)
        await fill(cluster, 'q', 1)
        await soon(done.wait())
        assert seen == [False, True]


async def test_an_inline_callback_must_be_a_plain_function(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        for coroutine_function in (Collector(), Collector().wait_for):
            with pytest.raises(TypeError, match='plain function'):
                cluster.consume(QUEUE, coroutine_function, inline=True)
        bodies: list[Any] = []
        done = asyncio.Event()

        def on_message(message: ReceivedMessage) -> None:
            bodies.append(message.body)
            message.ack()
            cluster.publish(Message(b''), routing_key='nowhere')
            if len(bodies) == 100:
                done.set()

        await soon(cluster.consume(QUEUE, on_message, no_ack=False, inline=True)[1])
        await fill(cluster, 'q', 100)
        await soon(done.wait())
        assert numbers(bodies) == list(range(100))


async def test_hooks_of_a_consumer_may_be_coroutine_functions(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        cancelled, by_broker = asyncio.Event(), asyncio.Event()

        async def on_cancel() -> None:
            await asyncio.sleep(0)
            cancelled.set()

        async def on_broker_cancel() -> None:
            by_broker.set()
            await consumer.cancel()

        consumer, ready = cluster.consume(QUEUE, Collector())
        consumer.on_cancel.add(on_cancel)
        consumer.on_broker_cancel.add(on_broker_cancel)
        await soon(ready)
        await soon(cluster.delete_queue('q'))
        await soon(by_broker.wait())
        await soon(cancelled.wait())


async def test_a_consumer_that_is_refused_says_why(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        consumer, ready = cluster.consume(Queue('q'), print)  # which is not durable, and was so
        with pytest.raises(AMQPError, match='PRECONDITION_FAILED'):
            await soon(ready)
        assert consumer.cancelled
        await soon(consumer.cancel())
        await Consumer(QUEUE, print).cancel()  # which was never added


class Upper(Consumer):
    """Has its messages in capitals, by the extension point that sees frames."""

    def on_delivery(self, frame: AMQPFrame) -> None:
        if type(frame).__name__ == 'AMQPBodyFrame':
            frame.data = bytes(frame.data).upper()  # type: ignore[attr-defined]  # see above
        super().on_delivery(frame)


async def test_a_consumer_of_a_class_of_ones_own(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        collector = Collector()
        await soon(cluster.add_consumer(Upper(QUEUE, collector)))
        for body in (b'one', b'two'):
            await soon(cluster.publish(Message(body), routing_key='q', confirm=True))
        await collector.wait_for(2)
        assert collector.bodies == [b'ONE', b'TWO']


async def test_the_prefetch_of_a_consumer_can_be_changed(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        await fill(cluster, 'q', 10)
        collector = Collector()
        consumer, ready = cluster.consume(QUEUE, collector, no_ack=False, prefetch=1)
        await soon(ready)
        await collector.wait_for(1)
        consumer.set_qos(4)
        await collector.wait_for(4)


# -- iteration


async def test_iterating_until_nothing_more_comes(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        await fill(cluster, 'q', 300)
        seen = []
        async for message in cluster.messages(QUEUE, timeout=0.3):
            seen.append(message.body)
            message.ack()

        assert numbers(seen) == list(range(300))
        assert await soon(cluster.get('q')) is None


async def test_leaving_an_iteration_puts_back_what_is_not_settled(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        await fill(cluster, 'q', 50)
        async with cluster.messages(QUEUE, prefetch=20) as messages:
            async for message in messages:
                message.ack()
                if message.body == b'9':
                    break
        assert messages.consumer.cancelled
        assert cluster._core.engine.mailboxes.watermarks.messages == 0
        assert isinstance(await cluster.drain(0), NothingMuch)
        left = [message.body async for message in cluster.messages(QUEUE, timeout=0.3)]
        assert numbers(left) == list(range(10, 50))


async def test_an_iteration_that_is_just_dropped_ends_its_consumer(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        await fill(cluster, 'q', 2)
        ended = asyncio.Event()
        iterator = cluster.messages(QUEUE)
        iterator.consumer.on_cancel.add(ended.set)
        async for message in iterator:
            message.ack()
            break
        del iterator
        await soon(ended.wait())
        assert not cluster._core._iterations


async def test_an_iteration_ends_with_the_cluster(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:

        async def iterate() -> list[Any]:
            return [message.body async for message in cluster.messages(QUEUE)]

        task = asyncio.create_task(iterate())
        await fill(cluster, 'q', 3)
        await asyncio.sleep(0.05)
    assert len(await soon(task)) in range(4)


async def test_what_is_refused_is_raised_by_the_first_step(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        with pytest.raises(AMQPError, match='PRECONDITION_FAILED'):
            async for _ in cluster.messages(Queue('q')):
                pass
        with pytest.raises(AMQPError, match='PRECONDITION_FAILED'):
            async with cluster.messages(Queue('q')):
                pass


async def test_a_step_that_is_cancelled_loses_no_message(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster, cluster.messages(QUEUE, no_ack=True) as messages:
        for number in range(20):
            step = asyncio.create_task(anext(messages))
            await asyncio.sleep(0)
            step.cancel()
            await asyncio.wait([step])
            await fill(cluster, 'q', number + 1)
            seen = [(await soon(anext(messages))).body for _ in range(number + 1)]
            assert numbers(seen) == list(range(number + 1))


# -- drain


async def test_messages_without_callback_come_out_of_drain(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        await soon(cluster.consume(QUEUE, no_ack=False)[1])
        await fill(cluster, 'q', 3)
        for number in range(3):
            event = await cluster.drain(PATIENCE)
            assert isinstance(event, MessageReceived)
            assert event.body == b'%d' % number
            event.ack()
        assert isinstance(await cluster.drain(0), NothingMuch)
        assert cluster._core.engine.mailboxes.watermarks.messages == 0


# -- single messages and requests


async def test_single_messages(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        await fill(cluster, 'q', 1)
        message = await soon(cluster.get('q'))
        message.nack()
        again = await soon(cluster.get('q'))
        assert again.redelivered
        again.ack()
        assert await soon(cluster.get('q')) is None


async def test_a_message_for_which_nobody_waits_any_more_goes_back(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        assert (
            await soon(cluster.get('q')) is None
        )  # the channel is there, so what is asked is sent
        await fill(cluster, 'q', 1)
        cluster.get('q').cancel()
        async with asyncio.timeout(PATIENCE):
            message = None
            while message is None:
                message = await cluster.get('q')
        assert message.redelivered
        message.ack()


async def test_a_thousand_requests_are_outstanding_at_once(node: NodeDefinition) -> None:
    async with Cluster(node) as cluster:
        gate = asyncio.Event()
        requests: list[ReceivedMessage] = []

        async def answer(message: ReceivedMessage) -> None:
            requests.append(message)
            if len(requests) == 1000:
                gate.set()
            await gate.wait()
            await message.reply(b're:' + message.body)

        queue = Queue('rpc', auto_delete=True)
        await soon(cluster.consume(queue, answer, workers=1000)[1])
        calls = [cluster.call(b'%d' % number, 'rpc') for number in range(1000)]
        replies = await soon(asyncio.gather(*calls))
        assert [reply.body for reply in replies] == [b're:%d' % number for number in range(1000)]


async def test_requests_that_fail(node: NodeDefinition) -> None:
    async with cluster_with(node, 'silent') as cluster:
        with pytest.raises(TimeoutError, match='no reply within'):
            await cluster.call(b'', 'silent', timeout=0.05)
        with pytest.raises(Returned):
            await soon(cluster.call(b'', 'no-such-queue'))
        cluster.call(b'', 'silent', timeout=None).cancel()


async def test_topology(node: NodeDefinition) -> None:
    async with Cluster(node) as cluster:
        exchange, queue = Exchange('e', type='fanout'), Queue('q')
        await soon(asyncio.gather(cluster.declare(exchange), cluster.declare(queue)))
        await soon(cluster.bind(queue, exchange, ''))
        await soon(cluster.publish(Message(b''), exchange, confirm=True))
        assert (await soon(cluster.declare(queue, passive=True))).message_count == 1
        assert await soon(cluster.purge(queue)) == 1
        await soon(cluster.delete_queue(queue))
        with pytest.raises(AMQPError, match='NOT_FOUND'):
            await soon(cluster.declare(queue, passive=True))


# -- back-pressure on reading


@pytest.mark.parametrize('way', ['callback', 'drain'])
async def test_reading_pauses_while_callbacks_do_not_keep_up(
    node: NodeDefinition, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(watermarks, 'HIGH_MESSAGES', 500)
    monkeypatch.setattr(watermarks, 'ANSWERS_FACTOR', 2)
    count = 100_000
    async with cluster_with(node, 'q') as cluster:
        body = bytes(1000)
        for _ in range(10):
            cluster.publish_many([Message(body)] * (count // 10), routing_key='q')
            await soon(cluster.wait_for_confirms())
        gate, done, paused = asyncio.Event(), asyncio.Event(), asyncio.Event()
        seen = 0

        async def on_message(_: object) -> None:
            nonlocal seen
            await gate.wait()
            seen += 1
            if seen == count:
                done.set()

        def look() -> None:
            (paused.set if cluster._core.engine.mailboxes.watermarks.paused else again)()

        def again() -> None:
            asyncio.get_running_loop().call_later(0.01, look)

        callback = on_message if way == 'callback' else None
        await soon(cluster.consume(QUEUE, callback)[1])
        look()
        await soon(paused.wait())
        most = cluster._core.engine.mailboxes.watermarks.messages
        assert 500 <= most < count / 2
        gate.set()
        while way == 'drain' and seen < count:
            assert isinstance(await cluster.drain(PATIENCE), MessageReceived)
            seen += 1
        if way == 'callback':
            await soon(done.wait())
        assert cluster.faults == []


async def test_the_iterator_closes_by_aclosing_like_others(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        await fill(cluster, 'q', 1)

        async def bodies() -> Any:
            async for message in cluster.messages(QUEUE):
                yield message.body

        async with aclosing(bodies()) as each:
            assert await soon(anext(each)) == b'0'
