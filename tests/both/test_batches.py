"""Consuming in batches: their sizes, their settlement, and what becomes of a part of one."""

from __future__ import annotations

import asyncio

import pytest

from coolamqp.aio import Cluster
from coolamqp.attaches import Batch
from coolamqp.framing.definitions import BasicAck
from coolamqp.framing.frames import AMQPMethodFrame
from coolamqp.objects import Queue
from coolamqp.tracing import HoldingFrameTracer
from tests.both.conftest import MakeCluster
from tests.both.faces import result
from tests.both.support import Collector, consume, content_of, fill, numbers
from tests.support.nodes import BrokerNode

pytestmark = pytest.mark.integration

QUEUE = Queue('q', durable=True)


def bodies(batches: list[Batch]) -> list[int]:
    """Return the numbers in all messages."""
    return numbers([message.body for batch in batches for message in batch])


async def test_batches_are_full_while_there_are_messages(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'q', 250)
    batches = Collector(Batch.ack)
    consumer = await consume(cluster, QUEUE, batches, no_ack=False, batch=100, within=0.2)
    items = await batches.wait_for(3)
    await result(consumer.cancel())

    assert [len(batch) for batch in items] == [100, 100, 50]
    assert bodies(items) == list(range(250))
    assert await content_of(cluster, 'q') == []


async def test_one_acknowledgement_settles_a_batch(make_cluster: MakeCluster) -> None:
    tracer = HoldingFrameTracer()
    async with make_cluster(log_frames=tracer) as cluster:
        await cluster.declare(QUEUE)
        await fill(cluster, 'q', 100)
        batches = Collector(Batch.ack)
        consumer = await consume(cluster, QUEUE, batches, no_ack=False, batch=100, within=60)
        await batches.wait_for(1)
        await result(consumer.cancel())
    sent = [
        frame.payload
        for direction, _, frame in tracer.frames
        if direction == 'to_server' and isinstance(frame, AMQPMethodFrame)
    ]
    assert [each for each in sent if isinstance(each, BasicAck)] == [BasicAck(100, True)]


async def test_a_batch_whose_callback_raises_is_settled_as_on_error_says(
    cluster: Cluster,
) -> None:
    def fail(_: Batch) -> None:
        raise LookupError('no such order')

    jobs = Queue('jobs', durable=True, retry_delays=(60,))
    await cluster.declare(jobs)
    await fill(cluster, 'jobs', 10)
    consumer = await consume(cluster, jobs, fail, no_ack=False, batch=5, on_error='retry')
    retried = Collector()
    await consume(cluster, 'jobs.retry.60s', retried)
    messages = await retried.wait_for(10)
    await result(consumer.cancel())
    assert {message.headers['x-retry-reason'] for message in messages} == {
        'LookupError: no such order'
    }


async def test_a_cancellation_requeues_a_part_of_a_batch(cluster: Cluster) -> None:
    consumer = await consume(cluster, QUEUE, Collector(), no_ack=False, batch=100, within=60)
    await fill(cluster, 'q', 7)
    await result(consumer.cancel())
    assert sorted(numbers(await content_of(cluster, 'q'))) == list(range(7))


async def test_without_acknowledgements_a_part_of_a_batch_is_delivered_at_the_end(
    cluster: Cluster,
) -> None:
    batches = Collector()
    consumer = await consume(cluster, QUEUE, batches, batch=100, within=60)
    await fill(cluster, 'q', 7)
    await result(consumer.cancel())
    assert bodies(await batches.wait_for(1)) == list(range(7))


async def test_a_part_of_a_batch_comes_again_after_a_lost_connection(
    make_cluster: MakeCluster, rabbitmq: BrokerNode
) -> None:
    cluster = make_cluster()
    await cluster.start()
    batches = Collector(Batch.ack)
    await consume(cluster, QUEUE, batches, no_ack=False, batch=10, within=60)
    await fill(cluster, 'q', 14)
    await batches.wait_for(1)
    await asyncio.to_thread(rabbitmq.close_all_connections)
    await fill(cluster, 'q', 6)
    # The acknowledgement of the first ten may have been lost: then these come again, too.
    await batches.wait_until(lambda: {*range(10, 14)} <= {*bodies(batches.items)})
    assert {len(batch) for batch in batches.items} == {10}


async def test_slow_batches_hold_up_nobody_else(cluster: Cluster) -> None:
    gate, quick = asyncio.Event(), Collector()

    async def wait(_: Batch) -> None:
        await gate.wait()

    await consume(cluster, Queue('slow'), wait, batch=5)
    await consume(cluster, Queue('quick'), quick, batch=5)
    await fill(cluster, 'slow', 10)
    await fill(cluster, 'quick', 10)
    await quick.wait_for(2)
    gate.set()
