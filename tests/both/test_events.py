"""What a Cluster tells of itself: events, by `drain` and by hooks."""

from __future__ import annotations

import asyncio

import pytest

from coolamqp.aio import Cluster, MessageReceived, NothingMuch
from coolamqp.aio.events import (
    ConnectionEstablished,
    ConnectionLost,
    ConsumerCancelled,
    Event,
    TopologyFailed,
    TopologyRestored,
)
from coolamqp.exceptions import AMQPError
from coolamqp.objects import Queue
from tests.both.conftest import MakeCluster
from tests.both.faces import result
from tests.both.support import PATIENCE, Collector, confirmed, consume, fill
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration

QUEUE = Queue('q', durable=True)


async def test_hooks_tell_of_a_lost_connection(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    failed, told = Collector(), Collector()
    cluster = make_cluster(port=proxy.port, on_fail=failed)
    cluster.on_event.add(told)
    async with cluster:
        for count in (5, 8):
            proxy.cut()
            event = await cluster.drain(PATIENCE)
            assert isinstance(event, ConnectionLost)
            assert event.node == cluster.faults[0].node
            await told.wait_for(count)
        assert isinstance(await cluster.drain(0), NothingMuch)
        assert cluster.last_error is cluster.faults[-1].cause
    restored: list[type] = [ConnectionEstablished, TopologyRestored]
    assert [type(event) for event in told.items] == restored + [ConnectionLost, *restored] * 2
    assert failed.items == [None]  # once, and not for the shutdown


async def test_drain_gives_all_events_if_asked(make_cluster: MakeCluster) -> None:
    async with make_cluster(all_events=True) as cluster:
        events = [await cluster.drain(PATIENCE) for _ in range(2)]
        consumer = await consume(cluster, QUEUE, print)
        await result(consumer.cancel())
        cancelled = await cluster.drain(PATIENCE)
    assert [type(event) for event in events] == [ConnectionEstablished, TopologyRestored]
    assert isinstance(cancelled, ConsumerCancelled)
    assert (cancelled.consumer, cancelled.reason) == (consumer, None)


async def test_what_cannot_be_restored_is_told_and_holds_up_nothing(
    cluster: Cluster, make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    events: list[Event] = []
    async with make_cluster(port=proxy.port, all_events=True) as first:
        await first.declare(QUEUE, persistent=True)
        ended = await consume(first, Queue('consumed', durable=True), print)
        proxy.pause()  # so that it does not hear of the deletion and declare its queue again
        for name in ('q', 'consumed'):
            await cluster.delete_queue(name)
            await cluster.declare(Queue(name, durable=False))
        proxy.cut()
        proxy.resume()
        while [type(event) for event in events].count(TopologyRestored) < 2:
            events.append(await first.drain(PATIENCE))
    (failed,) = (event for event in events if isinstance(event, TopologyFailed))
    assert failed.object == QUEUE
    assert isinstance(failed.error, AMQPError)
    (cancelled,) = (event for event in events if isinstance(event, ConsumerCancelled))
    assert cancelled.consumer is ended
    assert isinstance(cancelled.reason, AMQPError)


async def test_messages_without_callback_come_out_of_drain(cluster: Cluster) -> None:
    await consume(cluster, QUEUE, no_ack=False)
    await fill(cluster, 'q', 3)
    for number in range(3):
        event = await cluster.drain(PATIENCE)
        assert isinstance(event, MessageReceived)
        assert event.body == b'%d' % number
        event.ack()
    assert isinstance(await cluster.drain(0), NothingMuch)
    assert cluster._core.engine.mailboxes.watermarks.messages == 0


async def test_drain_waits_as_long_as_it_is_told(cluster: Cluster) -> None:
    assert isinstance(await cluster.drain(0), NothingMuch)
    assert isinstance(await cluster.drain(0.05), NothingMuch)
    draining = asyncio.create_task(cluster.drain(None))
    await consume(cluster, QUEUE)
    await confirmed(cluster, b'here', 'q')
    event = await draining
    assert isinstance(event, MessageReceived)
    assert event.body == b'here'


async def test_drain_ends_with_a_shutdown(cluster: Cluster) -> None:
    draining = asyncio.create_task(cluster.drain(None))
    await asyncio.sleep(0)
    await cluster.shutdown()
    assert isinstance(await draining, NothingMuch)
