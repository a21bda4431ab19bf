"""Iterations whose task is cancelled while they begin."""

from __future__ import annotations

import asyncio
import gc

import pytest

from coolamqp.aio import Cluster
from coolamqp.aio.messages import MessageIterator
from coolamqp.exceptions import AMQPError
from coolamqp.objects import Queue
from tests.both.conftest import MakeCluster
from tests.both.support import PATIENCE, SHORT, Collector, content_of, fill, numbers
from tests.support.ports import HOST, free_port
from tests.support.proxy import FaultProxy

QUEUE = Queue('q', durable=True)


async def cancel_step(messages: MessageIterator) -> None:
    """Cancel the first step while it waits."""
    step = asyncio.ensure_future(anext(messages))
    await asyncio.sleep(0)
    step.cancel()
    await asyncio.wait([step])


async def test_nobody_complains_of_an_iteration_that_is_dropped_before_it_begins() -> None:
    cluster = Cluster(f'amqp://guest:guest@{HOST}:{free_port()}/')
    await cluster.start(wait=False)
    await cancel_step(cluster.messages(QUEUE))
    gc.collect()
    await cluster.shutdown()


@pytest.mark.integration
async def test_a_refusal_is_raised_in_the_next_step(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    messages, ended = cluster.messages(Queue('q', durable=False)), Collector()
    messages.consumer.on_cancel.add(ended)
    await cancel_step(messages)
    await ended.wait_for(1)
    with pytest.raises(AMQPError, match='inequivalent arg'):
        await anext(messages)


@pytest.mark.integration
async def test_a_block_that_is_cancelled_before_it_is_entered_ends_its_consumer(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    async with make_cluster(port=proxy.port) as cluster:
        await cluster.declare(QUEUE)
        await fill(cluster, 'q', 3)
        messages, ended = cluster.messages(QUEUE), Collector()
        messages.consumer.on_cancel.add(ended)
        proxy.pause()
        entering = asyncio.ensure_future(messages.__aenter__())
        await asyncio.sleep(0)
        entering.cancel()
        await asyncio.wait([entering])
        proxy.resume()
        await ended.wait_for(1)
        assert numbers(await content_of(cluster, 'q')) == [0, 1, 2]


@pytest.mark.integration
async def test_an_iteration_of_a_task_that_has_ended_does_not_hold_up_the_shutdown(
    cluster: Cluster,
) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'q', 2)
    messages = cluster.messages(QUEUE)
    (await asyncio.create_task(anext(messages))).ack()
    owed = await asyncio.create_task(anext(messages))
    stopping = asyncio.create_task(cluster.shutdown(timeout=None))
    assert not (await asyncio.wait([stopping], timeout=SHORT))[0]
    assert owed.ack()
    await asyncio.wait_for(stopping, PATIENCE)
