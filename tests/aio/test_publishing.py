"""Publishing as only asyncio has it: futures that wait for room, and that can be cancelled."""

from __future__ import annotations

import asyncio

import pytest

from coolamqp.aio import Cluster
from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import Message, Queue, ReceivedMessage
from coolamqp.supervisor.window import UNSENT_BYTES_MAX
from tests.both.conftest import MakeCluster
from tests.both.support import (
    Collector,
    confirmed,
    consume,
    content_of,
    fill,
    lose_connection,
    numbers,
)
from tests.support.ports import free_port
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration

QUEUE = Queue('q', durable=True)
SIZE = 100_000  # bytes
COUNT = 2 * UNSENT_BYTES_MAX // SIZE


async def test_plain_messages_wait_while_too_much_is_unsent(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    collector = Collector()
    async with make_cluster(port=proxy.port) as cluster:
        await consume(cluster, QUEUE, collector)
        proxy.pause()
        futures = [
            cluster.publish(Message((b'%d' % number).ljust(SIZE)), routing_key='q')
            for number in range(COUNT)
        ]
        hurried = cluster.publish(Message(b'hurried'), routing_key='q', timeout=0.01)
        assert sum(future.done() for future in futures) < COUNT
        with pytest.raises(TimeoutError, match='unsent'):
            await hurried
        proxy.resume()

        await asyncio.gather(*futures)
        await collector.wait_for(COUNT)
        assert numbers(collector.bodies) == list(range(COUNT))


async def test_cancelling_takes_back_what_was_not_sent_and_makes_room(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    async with make_cluster(port=proxy.port, max_unconfirmed=2) as cluster:
        await cluster.declare(QUEUE)
        proxy.refuse()
        proxy.cut()
        await lose_connection(cluster)

        async def publish(body: bytes) -> None:
            await confirmed(cluster, body, 'q')

        tasks = [asyncio.create_task(publish(b'%d' % number)) for number in range(5)]
        await asyncio.sleep(0)
        for number in (0, 2):  # one that is held, one that waits for room
            tasks[number].cancel()
        proxy.accept()
        ends = await asyncio.gather(*tasks, return_exceptions=True)

        assert [type(end) for end in ends] == [
            asyncio.CancelledError, type(None), asyncio.CancelledError, type(None), type(None),
        ]  # fmt: skip
        assert numbers(await content_of(cluster, 'q')) == [1, 3, 4]


async def test_a_cancelled_wait_for_a_sent_message_does_no_harm(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    future = confirmed(cluster, b'sent', 'q')
    await asyncio.sleep(0)
    future.cancel()
    await confirmed(cluster, b'next', 'q')
    assert await content_of(cluster, 'q') == [b'sent', b'next']


async def test_a_callback_may_await_its_own_publishes(cluster: Cluster) -> None:
    async def pass_on(message: ReceivedMessage) -> None:
        await confirmed(cluster, message.body, 'out')
        message.ack()

    done = Collector()
    await consume(cluster, QUEUE, pass_on, no_ack=False, prefetch=10)
    await consume(cluster, Queue('out'), done)
    await fill(cluster, 'q', 200)
    await done.wait_for(200)
    assert numbers(done.bodies) == list(range(200))


async def test_shutdown_flushes_what_was_promised_even_beyond_the_bounds(
    make_cluster: MakeCluster,
) -> None:
    async with make_cluster(max_unconfirmed=2) as cluster:
        futures = [confirmed(cluster, b'', 'nowhere') for _ in range(100)]
    assert [future.result() for future in futures] == [None] * 100


async def test_messages_that_wait_for_room_end_at_the_shutdown(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(port=free_port(), max_unconfirmed=1)
    await cluster.start(wait=False)
    futures = [confirmed(cluster, b'', 'nowhere') for _ in range(3)]
    await cluster.shutdown()
    assert [type(future.exception()) for future in futures] == [ConnectionDead] * 3
