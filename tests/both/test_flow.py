"""Callbacks and programs that do not keep up: reading pauses, and nothing else is held up."""

from __future__ import annotations

import asyncio

import pytest

from coolamqp.aio import Cluster, MessageReceived
from coolamqp.objects import Queue, ReceivedMessage
from coolamqp.supervisor import watermarks
from tests.both.conftest import MakeCluster
from tests.both.support import PATIENCE, SHORT, Collector, confirmed, consume, fill, numbers

pytestmark = pytest.mark.integration

QUEUE = Queue('flood', durable=True)
HIGH = 500  # messages; reading pauses
COUNT = 5000


@pytest.fixture(autouse=True)
def _low_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watermarks, 'HIGH_MESSAGES', HIGH)


def backlog(cluster: Cluster) -> int:
    """Return how many messages were received and wait."""
    return cluster._core.engine.mailboxes.watermarks.messages


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
        await fill(cluster, 'flood', COUNT, size=1000)
        await consume(cluster, QUEUE, on_message)
        await done.wait_for(COUNT)
        assert numbers(done.bodies) == list(range(COUNT))
        assert HIGH <= most < COUNT / 2
        assert cluster.faults == []


async def test_messages_that_wait_to_be_drained_are_bounded_too(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'flood', COUNT, size=1000)
    await consume(cluster, QUEUE)
    await asyncio.sleep(SHORT)  # in which all could be read
    most = backlog(cluster)
    for number in range(COUNT):
        event = await cluster.drain(PATIENCE)
        assert isinstance(event, MessageReceived)
        assert int(event.body) == number
        most = max(most, backlog(cluster))
    assert most < COUNT / 2


async def test_who_does_not_drain_can_still_publish_and_wait(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'flood', 4 * HIGH)
    await consume(cluster, QUEUE)
    assert await confirmed(cluster, b'behind all the others', 'flood') is None
