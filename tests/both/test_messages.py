"""Iterating over the messages of a queue."""

from __future__ import annotations

import asyncio
import gc

import pytest

from coolamqp.aio import Cluster, NothingMuch
from coolamqp.exceptions import AMQPError
from coolamqp.objects import Queue
from tests.both.conftest import MakeCluster
from tests.both.faces import result
from tests.both.support import SHORT, Collector, confirmed, content_of, fill, numbers
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration

QUEUE = Queue('q', durable=True)


async def test_iterating_until_nothing_more_comes(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'q', 300)
    seen = []
    async for message in cluster.messages(QUEUE, timeout=SHORT):
        seen.append(message.body)
        message.ack()
    assert numbers(seen) == list(range(300))
    assert await cluster.get('q') is None


async def test_leaving_an_iteration_puts_back_what_is_not_settled(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'q', 50)
    async with cluster.messages(QUEUE, prefetch=20) as messages:
        async for message in messages:
            message.ack()
            if message.body == b'9':
                break
    with pytest.raises(StopAsyncIteration):
        await anext(messages)
    await result(messages.consumer.cancel())
    assert cluster._core.engine.mailboxes.watermarks.messages == 0
    assert isinstance(await cluster.drain(0), NothingMuch)
    assert numbers(await content_of(cluster, 'q')) == list(range(10, 50))


async def test_an_iteration_that_is_just_dropped_ends_its_consumer(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'q', 2)
    ended = Collector()
    messages = cluster.messages(QUEUE)
    (await anext(messages)).ack()
    messages.consumer.on_cancel.add(ended)
    del messages
    gc.collect()
    await ended.wait_for(1)
    assert await content_of(cluster, 'q') == [b'1']
    assert not cluster._core._iterations


async def test_an_iteration_ends_with_the_cluster(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'q', 3)
    seen = Collector()

    async def iterate() -> None:
        async for message in cluster.messages(QUEUE):
            seen(message)

    task = asyncio.create_task(iterate())
    await seen.wait_for(3)
    await cluster.shutdown()
    await task
    assert numbers(seen.bodies) == [0, 1, 2]


async def test_an_iteration_that_is_refused_raises(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    with pytest.raises(AMQPError, match='PRECONDITION_FAILED'):
        async for _ in cluster.messages(Queue('q')):
            pass
    with pytest.raises(AMQPError, match='PRECONDITION_FAILED'):
        async with cluster.messages(Queue('q')):
            pass


async def test_an_iteration_goes_on_after_a_reconnect(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    async with make_cluster(port=proxy.port) as cluster, cluster.messages(QUEUE) as messages:
        await fill(cluster, 'q', 1)
        (await anext(messages)).ack()
        proxy.cut()
        await confirmed(cluster, b'after', 'q')
        while (message := await anext(messages)).body != b'after':
            message.ack()
