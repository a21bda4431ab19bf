"""The end of consumers and of Clusters: running callbacks finish, and the rest goes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from coolamqp.aio import Cluster
from coolamqp.attaches import Consumer
from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import Message, Queue, ReceivedMessage
from tests.both.conftest import MakeCluster
from tests.both.faces import result
from tests.both.support import (
    PATIENCE,
    Collector,
    consume,
    content_of,
    fill,
    numbers,
)

pytestmark = pytest.mark.integration

QUEUE = Queue('q', durable=True)

Stop = Callable[[Cluster, Consumer], Awaitable[Any]]
STOPS: dict[str, Stop] = {
    'cancel': lambda _, consumer: result(consumer.cancel()),
    'shutdown': lambda cluster, _: cluster.shutdown(),
}


class Job:
    """A callback that lasts until it is told to end; then it acknowledges its message.

    :ivar begun: the messages whose callbacks have begun
    """

    def __init__(self) -> None:
        self.begun = Collector()
        self.end = asyncio.Event()

    async def __call__(self, message: ReceivedMessage) -> None:
        self.begun(message)
        await self.end.wait()
        message.ack()


async def finish(cluster: Cluster, job: Job, stopping: Awaitable[Any]) -> None:
    """End a job when its consumer has no consumer at the broker any more.

    :param cluster: another Cluster
    """
    stop = asyncio.ensure_future(stopping)
    await no_consumers(cluster)
    assert not stop.done()
    job.end.set()
    await stop


async def no_consumers(cluster: Cluster) -> None:
    """Wait until the broker knows no consumer of the queue."""
    async with asyncio.timeout(PATIENCE):
        while (await cluster.declare(QUEUE, passive=True)).consumer_count:
            pass


async def run(job: Job) -> Callable[[ReceivedMessage], Awaitable[None]]:
    """Return a job as a coroutine function, which both faces can run."""

    async def on_message(message: ReceivedMessage) -> None:
        await job(message)

    return on_message


@pytest.mark.parametrize('stop', STOPS.values(), ids=STOPS)
async def test_a_running_job_acknowledges_and_the_others_go_back(
    cluster: Cluster, make_cluster: MakeCluster, stop: Stop
) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'q', 3)
    async with make_cluster() as worker:
        job = Job()
        consumer = await consume(worker, QUEUE, await run(job), no_ack=False, prefetch=1)
        await job.begun.wait_for(1)
        await finish(cluster, job, stop(worker, consumer))
        assert consumer.cancelled
    assert numbers(await content_of(cluster, 'q')) == [1, 2]
    assert numbers(job.begun.bodies) == [0]


async def test_what_has_not_begun_goes_back_at_once(
    cluster: Cluster, make_cluster: MakeCluster
) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'q', 9)
    async with make_cluster() as worker:
        job, others = Job(), Collector(ReceivedMessage.ack)
        consumer = await consume(worker, QUEUE, await run(job), False, prefetch=20, workers=2)
        await job.begun.wait_for(2)
        stopping = consumer.cancel()
        await consume(cluster, QUEUE, others, no_ack=False)
        await others.wait_for(7)
        assert not stopping.done()
        job.end.set()
        await result(stopping)
    assert sorted(numbers(job.begun.bodies + others.bodies)) == list(range(9))
    assert await content_of(cluster, 'q') == []


async def test_a_running_job_may_publish_during_the_shutdown(
    cluster: Cluster, make_cluster: MakeCluster
) -> None:
    await cluster.declare(QUEUE)
    await cluster.declare(Queue('results', durable=True))
    await fill(cluster, 'q', 1)
    async with make_cluster() as worker:
        job = Job()

        async def on_message(message: ReceivedMessage) -> None:
            await job(message)
            await result(worker.publish(Message(b'done'), routing_key='results', confirm=True))

        await consume(worker, QUEUE, on_message, no_ack=False)
        await job.begun.wait_for(1)
        await finish(cluster, job, worker.shutdown())
        with pytest.raises(ConnectionDead):
            await worker.publish(Message(b'late'), routing_key='results')
    assert await content_of(cluster, 'results') == [b'done']


async def test_a_cluster_that_stops_starts_no_consumer(
    cluster: Cluster, make_cluster: MakeCluster
) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'q', 1)
    async with make_cluster() as worker:
        job = Job()
        await consume(worker, QUEUE, await run(job), no_ack=False)
        await job.begun.wait_for(1)
        stopping = asyncio.ensure_future(worker.shutdown())
        await no_consumers(cluster)
        with pytest.raises(ConnectionDead):
            await worker.consume(Queue('other', auto_delete=True), print)[1]
        await finish(cluster, job, stopping)


@pytest.mark.parametrize('stop', ['cancel', 'shutdown'])
async def test_after_the_timeout_the_message_of_a_running_job_goes_back(
    cluster: Cluster,
    make_cluster: MakeCluster,
    stop: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'q', 3)
    async with make_cluster() as worker:
        job = Job()
        consumer = await consume(worker, QUEUE, await run(job), no_ack=False, prefetch=1)
        await job.begun.wait_for(1)
        if stop == 'cancel':
            await result(consumer.cancel(timeout=0.1))
        else:
            await worker.shutdown(timeout=0.3)
        others = Collector(ReceivedMessage.ack)
        await consume(cluster, QUEUE, others, no_ack=False)
        assert sorted(numbers([each.body for each in await others.wait_for(3)])) == [0, 1, 2]
        assert 'still runs' in caplog.text
        job.end.set()


async def test_messages_without_ack_that_have_arrived_still_run(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'q', 9)
    job = Job()
    consumer = await consume(cluster, QUEUE, await run(job))
    await job.begun.wait_for(1)
    await finish(cluster, job, result(consumer.cancel()))
    left = numbers(await content_of(cluster, 'q'))
    assert numbers(job.begun.bodies) + left == list(range(9))
