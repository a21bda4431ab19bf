"""Consuming as only asyncio has it: coroutine functions, tasks that are cancelled, the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import pytest

from coolamqp.aio import Cluster
from coolamqp.objects import Queue, ReceivedMessage
from tests.both.support import PATIENCE, Collector, consume, content_of, fill, numbers

pytestmark = pytest.mark.integration

QUEUE = Queue('q', durable=True)


async def test_a_message_is_settled_on_its_loop_only(cluster: Cluster) -> None:
    collector = Collector()
    consumer = await consume(cluster, QUEUE, collector, no_ack=False, prefetch=1)
    await fill(cluster, 'q', 2)
    (consumed,) = await collector.wait_for(1)
    for message in (consumed, await cluster.get('q')):
        with pytest.raises(RuntimeError, match=r'event loop.*call_soon_threadsafe'):
            await asyncio.to_thread(message.ack)
        message.ack()
    await consumer.cancel()
    assert await content_of(cluster, 'q') == []


async def test_an_inline_callback_must_be_a_plain_function(cluster: Cluster) -> None:
    class Callback:
        async def __call__(self, message: ReceivedMessage) -> None:
            """Do nothing."""

    for coroutine_function in (Callback(), Callback().__call__):
        with pytest.raises(TypeError, match='plain function'):
            cluster.consume(QUEUE, coroutine_function, inline=True)


async def test_hooks_of_a_consumer_may_be_coroutine_functions(cluster: Cluster) -> None:
    cancelled, by_broker = asyncio.Event(), asyncio.Event()

    async def on_cancel() -> None:
        await asyncio.sleep(0)
        cancelled.set()

    async def on_broker_cancel() -> None:
        by_broker.set()
        await consumer.cancel()

    consumer = await consume(cluster, QUEUE, print)
    consumer.on_cancel.add(on_cancel)
    consumer.on_broker_cancel.add(on_broker_cancel)
    await cluster.delete_queue('q')
    await by_broker.wait()
    await cancelled.wait()


@pytest.mark.parametrize('stop', ['cancel', 'shutdown'])
async def test_a_callback_may_stop_its_own_consumer_and_wait_for_it(
    cluster: Cluster, make_cluster: Callable[..., Cluster], stop: str
) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'q', 3)
    async with make_cluster() as worker:
        settled = Collector()

        async def on_message(message: ReceivedMessage) -> None:
            await (consumer.cancel() if stop == 'cancel' else worker.shutdown())
            message.ack()
            settled(message)

        consumer, _ = worker.consume(QUEUE, on_message, no_ack=False, prefetch=1)
        await settled.wait_for(1)
        await consumer.cancel()
    left = {'cancel': [1, 2], 'shutdown': [0, 1, 2]}  # The shutdown cannot wait for its caller.
    assert numbers(await content_of(cluster, 'q')) == left[stop]


@pytest.mark.parametrize('no_ack', [False, True])
async def test_a_loop_finishes_its_message_and_the_others_go_back(
    cluster: Cluster, make_cluster: Callable[..., Cluster], no_ack: bool
) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'q', 9)
    async with make_cluster() as worker:
        begun, stopping, seen = asyncio.Event(), asyncio.Event(), []

        async def iterate() -> None:
            async for message in worker.messages(QUEUE, no_ack=no_ack):
                begun.set()
                await stopping.wait()
                seen.append(message.body)
                message.ack()

        loop = asyncio.create_task(iterate())
        await begun.wait()
        shutdown = asyncio.create_task(worker.shutdown())
        while (await cluster.declare(QUEUE, passive=True)).consumer_count:
            pass
        stopping.set()
        await shutdown
        await loop
    left = numbers(await content_of(cluster, 'q'))
    assert numbers(seen) + left == list(range(9))
    assert no_ack or len(left) == 8


async def test_a_loop_may_shut_its_cluster_down(
    cluster: Cluster, make_cluster: Callable[..., Cluster]
) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'q', 3)
    async with make_cluster() as worker:
        async for message in worker.messages(QUEUE, prefetch=1):
            message.ack()
            await worker.shutdown()
    assert numbers(await content_of(cluster, 'q')) == [1, 2]


# -- iteration


async def test_leaving_an_iteration_waits_for_the_end_of_its_consumer(cluster: Cluster) -> None:
    async with cluster.messages(QUEUE) as messages:
        pass
    assert messages.consumer.cancelled


async def test_a_step_that_is_cancelled_loses_no_message(cluster: Cluster) -> None:
    async with cluster.messages(QUEUE, no_ack=True) as messages:
        for number in range(20):
            step = asyncio.create_task(anext(messages))
            await asyncio.sleep(0)
            step.cancel()
            await asyncio.wait([step])
            await fill(cluster, 'q', number + 1)
            seen = [(await anext(messages)).body for _ in range(number + 1)]
            assert numbers(seen) == list(range(number + 1))


async def test_the_iterator_closes_by_aclosing_like_others(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'q', 1)

    async def bodies() -> AsyncGenerator[Any, None]:
        async for message in cluster.messages(QUEUE):
            yield message.body

    async with aclosing(bodies()) as each:
        assert await anext(each) == b'0'


# -- single messages and requests


async def test_a_message_for_which_nobody_waits_any_more_goes_back(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    assert await cluster.get('q') is None  # the channel is there, so what is asked is sent
    await fill(cluster, 'q', 1)
    cluster.get('q').cancel()
    async with asyncio.timeout(PATIENCE):
        while (message := await cluster.get('q')) is None:
            pass
    assert message.redelivered
    message.ack()


async def test_a_request_that_is_cancelled_ends_quietly(cluster: Cluster) -> None:
    await consume(cluster, QUEUE, lambda request: request.reply(request.body))
    call = cluster.call(b'not wanted', 'q', timeout=None)
    call.cancel()
    assert (await cluster.call(b'wanted', 'q')).body == b'wanted'
    assert call.cancelled()
