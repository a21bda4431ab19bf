"""Callbacks and programs that do not keep up: reading pauses, and nothing else is held up."""

from __future__ import annotations

import asyncio

import pytest

from coolamqp.aio import Cluster, MessageReceived
from coolamqp.objects import Queue, ReceivedMessage
from coolamqp.supervisor.watermarks import HIGH_BYTES
from tests.both.conftest import MakeCluster
from tests.both.support import PATIENCE, Collector, confirmed, consume, fill, numbers

pytestmark = pytest.mark.integration

QUEUE = Queue('flood', durable=True)
SIZE = 512 * 1024  # bytes a message
COUNT = 2 * HIGH_BYTES // SIZE  # twice as much as makes reading pause


def backlog(cluster: Cluster) -> int:
    """Return how many bytes of bodies were received and wait."""
    return cluster._core.engine.mailboxes.watermarks.bytes


async def test_callbacks_that_do_not_keep_up_do_not_fill_the_memory(
    make_cluster: MakeCluster,
) -> None:
    async with make_cluster(heartbeat=1) as cluster:
        most, done = 0, Collector()

        async def on_message(message: ReceivedMessage) -> None:
            nonlocal most
            if not done.items:
                await asyncio.sleep(3)  # three heartbeats, in which nothing is read
            most = max(most, backlog(cluster))
            done(message)

        await cluster.declare(QUEUE)
        await fill(cluster, 'flood', COUNT, size=SIZE)
        await consume(cluster, QUEUE, on_message)
        await done.wait_for(COUNT)
        assert numbers(done.bodies) == list(range(COUNT))
        assert HIGH_BYTES <= most < 1.5 * HIGH_BYTES
        assert cluster.faults == []


async def test_messages_that_wait_to_be_drained_are_bounded_too(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'flood', COUNT, size=SIZE)
    await consume(cluster, QUEUE)
    await asyncio.sleep(1)  # in which all could be read
    most = backlog(cluster)
    for number in range(COUNT):
        event = await cluster.drain(PATIENCE)
        assert isinstance(event, MessageReceived)
        assert int(event.body) == number
        most = max(most, backlog(cluster))
    assert most < 1.5 * HIGH_BYTES


async def test_who_does_not_drain_can_still_publish_and_wait(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'flood', COUNT, size=SIZE)
    await consume(cluster, QUEUE)
    assert await confirmed(cluster, b'behind all the others', 'flood') is None
