"""Fetching single messages, and requests with their replies."""

from __future__ import annotations

import asyncio

import pytest

from coolamqp.aio import Cluster
from coolamqp.exceptions import AMQPError, ConnectionDead, Returned
from coolamqp.objects import Queue, ReceivedMessage
from tests.both.conftest import MakeCluster
from tests.both.faces import result
from tests.both.support import Collector, confirmed, consume, fill
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration

QUEUE = Queue('q', durable=True)


async def test_single_messages(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    await fill(cluster, 'q', 1)
    (await cluster.get('q')).nack()
    again = await cluster.get('q')
    assert (again.redelivered, again.consumer_tag) == (True, None)
    with pytest.raises(AMQPError, match='NOT_FOUND'):
        await cluster.get('missing')
    again.ack()
    assert await cluster.get('q') is None  # the refusal has not put it back


async def test_fetching_from_a_stream_is_refused_once(cluster: Cluster) -> None:
    """RabbitMQ closes the whole connection for it, which must not go on for ever."""
    stream = Queue('stream', durable=True, arguments={'x-queue-type': 'stream'})
    await cluster.declare(stream)
    with pytest.raises(AMQPError, match='540'):
        await cluster.get(stream)
    await confirmed(cluster, b'x', 'stream')
    assert len(cluster.faults) == 1


async def test_a_get_survives_a_lost_connection(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    async with make_cluster(port=proxy.port) as cluster:
        await cluster.declare(QUEUE)
        await fill(cluster, 'q', 1)
        held = await cluster.get('q')
        proxy.cut()
        again = await cluster.get('q')
        assert again.redelivered
        held.ack()  # which does nothing: the broker has put it back
        again.ack()


async def test_a_thousand_requests_are_outstanding_at_once(cluster: Cluster) -> None:
    requests = Collector()
    await consume(cluster, Queue('rpc', auto_delete=True), requests)
    calls = [cluster.call(b'%d' % number, 'rpc') for number in range(1000)]
    for request in await requests.wait_for(1000):
        request.reply(b're:' + request.body)
    replies = await asyncio.gather(*calls)
    assert [reply.body for reply in replies] == [b're:%d' % number for number in range(1000)]


async def test_a_callback_may_await_its_reply(cluster: Cluster) -> None:
    async def answer(request: ReceivedMessage) -> None:
        await result(request.reply(request.body.upper(), {'app_id': 'upper'}))
        request.ack()

    await consume(cluster, Queue('upper'), answer, no_ack=False)
    reply = await cluster.call(b'hello', 'upper')
    assert (reply.body, reply.properties.app_id) == (b'HELLO', b'upper')


async def test_requests_that_fail(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    with pytest.raises(TimeoutError, match='no reply within'):
        await cluster.call(b'', 'q', timeout=0.05)
    with pytest.raises(Returned):
        await cluster.call(b'', 'no-such-queue')


async def test_a_request_ends_when_the_connection_is_lost_before_the_reply(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    async with make_cluster(port=proxy.port) as cluster:
        requests = Collector()
        await consume(cluster, QUEUE, requests)
        call = cluster.call(b'', 'q')
        await requests.wait_for(1)
        proxy.cut()
        with pytest.raises(ConnectionDead):
            await call
