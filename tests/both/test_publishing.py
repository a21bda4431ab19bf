"""Publishing: confirms, returns, refusals, bounds, many at once, transactions."""

from __future__ import annotations

import asyncio

import pytest

from coolamqp.aio import Cluster
from coolamqp.exceptions import AMQPError, MessageRefused, Returned
from coolamqp.objects import Exchange, Message, Queue
from tests.both.conftest import MakeCluster
from tests.both.support import (
    PATIENCE,
    SHORT,
    Collector,
    confirmed,
    consume,
    content_of,
    fill,
    lose_connection,
    numbers,
)
from tests.support.nodes import BrokerNode
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration

QUEUE = Queue('q', durable=True)


async def test_a_confirm_and_a_pipeline_of_them(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    assert await confirmed(cluster, b'0', 'q') is None
    futures = [confirmed(cluster, b'%d' % number, 'q') for number in range(1, 2000)]
    assert await asyncio.gather(*futures) == [None] * 1999
    assert numbers(await content_of(cluster, 'q')) == list(range(2000))


async def test_without_confirm_it_ends_when_the_message_is_handed_over(cluster: Cluster) -> None:
    collector = Collector()
    await consume(cluster, QUEUE, collector)
    for number in range(100):
        future = cluster.publish(Message(b'%d' % number), routing_key='q')
        assert future.done()
        assert await future is None
    await collector.wait_for(100)
    assert numbers(collector.bodies) == list(range(100))


async def test_what_is_wrong_is_raised_at_the_call(cluster: Cluster) -> None:
    with pytest.raises(TypeError, match='message must be a Message'):
        cluster.publish(b'bytes')  # type: ignore[arg-type]  # that is what is tested
    with pytest.raises(ValueError, match='routing_key'):
        cluster.publish(Message(b''), routing_key='x' * 256)
    with pytest.raises(ValueError, match='timeout'):
        cluster.publish(Message(b''), timeout=-1)


async def test_a_mandatory_message_comes_back(cluster: Cluster) -> None:
    returned = Collector()
    cluster.on_return.add(returned)
    headers = {'n': 1, 'deep': [1, {'x': None}], 'BCC': ['none']}  # RabbitMQ takes BCC away
    message = Message(b'lost', {'headers': headers, 'message_id': 'm'})
    with pytest.raises(Returned, match='NO_ROUTE') as raised:
        await cluster.publish(message, routing_key='none', confirm=True, mandatory=True)
    came_back = raised.value.message
    assert (came_back.body, came_back.routing_key) == (b'lost', b'none')
    assert (came_back.headers['deep'], came_back.properties.message_id) == ([1, {'x': None}], b'm')
    cluster.publish(Message(b'plain'), routing_key='none', mandatory=True)
    (error,) = await returned.wait_for(1)
    assert error.message.body == b'plain'


async def test_of_many_mandatory_messages_only_those_fail_that_came_back(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    keys = ['q' if number % 3 else 'nowhere' for number in range(600)]
    same = [(Message(b'the same'), '', key) for key in keys]
    futures = cluster.publish_many(same, mandatory=True)
    await cluster.wait_for_confirms()
    ends = await asyncio.gather(*futures, return_exceptions=True)
    assert [isinstance(end, Returned) for end in ends] == [key == 'nowhere' for key in keys]
    assert len(await content_of(cluster, 'q')) == 400


# -- refusals


async def test_a_publish_to_no_exchange_fails_alone(cluster: Cluster) -> None:
    collector = Collector()
    await consume(cluster, QUEUE, collector)
    futures = []
    for number in range(1000):
        exchange = 'missing' if number == 500 else ''
        futures.append(cluster.publish(Message(b'%d' % number), exchange, 'q', confirm=True))
    ends = await asyncio.gather(*futures, return_exceptions=True)

    failed = {number: end for number, end in enumerate(ends) if end is not None}
    assert list(failed) == [500]
    assert isinstance(failed[500], AMQPError)
    assert failed[500].reply_code == 404
    others = {b'%d' % number for number in range(1000) if number != 500}
    await collector.wait_until(lambda: set(collector.bodies) == others)


async def test_a_plain_publish_to_no_exchange_disturbs_nothing(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    assert await cluster.publish(Message(b'lost'), 'missing', 'q') is None
    await confirmed(cluster, b'kept', 'q')
    assert await content_of(cluster, 'q') == [b'kept']


FULL = Queue('full', arguments={'x-max-length': 1, 'x-overflow': 'reject-publish'})


async def test_a_queue_that_stays_full_fails_its_messages_only(make_cluster: MakeCluster) -> None:
    async with make_cluster(nack_timeout=0.2) as cluster:
        await cluster.declare(FULL)
        await confirmed(cluster, b'first', 'full')
        keys = ('full', 'elsewhere', 'full')
        futures = [confirmed(cluster, b'next', key) for key in keys]
        ends = await asyncio.gather(*futures, return_exceptions=True)
    assert [isinstance(end, MessageRefused) for end in ends] == [key == 'full' for key in keys]
    assert 'nack' in str(ends[0])


async def test_a_full_queue_takes_the_messages_in_order_when_there_is_room(
    cluster: Cluster,
) -> None:
    await cluster.declare(FULL)
    await confirmed(cluster, b'0', 'full')
    futures = [confirmed(cluster, b'%d' % number, 'full') for number in range(1, 4)]
    assert await confirmed(cluster, b'others go on', 'elsewhere') is None
    for number, future in enumerate(futures):
        assert await content_of(cluster, 'full') == [b'%d' % number]
        assert await future is None


async def test_headers_that_do_not_fit_into_a_frame_cost_only_their_message(
    cluster: Cluster,
) -> None:
    too_large = confirmed(cluster, b'', 'nowhere', {'headers': {'x': b'x' * 140_000}})
    good = confirmed(cluster, b'', 'nowhere')
    with pytest.raises(ValueError, match='frame'):
        await too_large
    assert await good is None


async def test_a_message_that_fails_at_once_ends_its_future_though_nothing_else_goes_on(
    make_cluster: MakeCluster,
) -> None:
    async with make_cluster(heartbeat=0) as cluster:
        await confirmed(cluster, b'', 'nowhere')
        await asyncio.sleep(SHORT)  # Nothing goes on.
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(ValueError, match='frame'):
                await confirmed(cluster, b'', 'nowhere', {'headers': {'x': b'x' * 200_000}})


# -- bounds


async def test_beyond_the_bound_messages_keep_their_order(make_cluster: MakeCluster) -> None:
    async with make_cluster(max_unconfirmed=5) as cluster:
        await cluster.declare(QUEUE)
        futures, most = [], 0
        for number in range(500):
            futures.append(confirmed(cluster, b'%d' % number, 'q'))
            most = max(most, cluster._core.engine._publisher.held)
        await asyncio.gather(*futures)
        assert 0 < most <= 5
        assert numbers(await content_of(cluster, 'q')) == list(range(500))


async def test_publishing_goes_on_beyond_the_bound_of_bytes(make_cluster: MakeCluster) -> None:
    async with make_cluster(max_unconfirmed_bytes=10_000) as cluster:
        await cluster.declare(QUEUE)
        await fill(cluster, 'q', 50, size=4000)
        assert len(await content_of(cluster, 'q')) == 50


async def test_a_message_for_which_there_is_no_room_in_time_is_not_published(
    cluster: Cluster, make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    await cluster.declare(QUEUE)
    proxy.refuse()
    offline = make_cluster(port=proxy.port, max_unconfirmed=3)
    await offline.start(wait=False)
    held = [confirmed(offline, b'%d' % number, 'q') for number in range(3)]
    with pytest.raises(TimeoutError, match='too much is unconfirmed'):
        await offline.publish(Message(b'late'), routing_key='q', confirm=True, timeout=0.01)
    assert not any(future.done() for future in held)

    proxy.accept()
    await asyncio.gather(*held)
    assert await content_of(cluster, 'q') == [b'0', b'1', b'2']


async def test_a_blocked_connection_keeps_publishers_at_their_bound(
    make_cluster: MakeCluster, rabbitmq: BrokerNode
) -> None:
    blocked = Collector()
    async with make_cluster(on_blocked=blocked, max_unconfirmed=100) as cluster:
        rabbitmq.set_memory_alarm(True)
        try:
            futures = [confirmed(cluster, b'first', 'nowhere')]
            assert await blocked.wait_for(1) == [True]
            futures += [confirmed(cluster, b'', 'nowhere') for _ in range(99)]
            with pytest.raises(TimeoutError, match='unconfirmed'):
                await cluster.publish(Message(b'too many'), confirm=True, timeout=SHORT)
            assert not any(future.done() for future in futures)
        finally:
            rabbitmq.set_memory_alarm(False)
        assert await asyncio.gather(*futures) == [None] * 100
        assert await blocked.wait_for(2) == [True, False]


async def test_cancelling_takes_back_what_was_not_sent(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    async with make_cluster(port=proxy.port) as cluster:
        await cluster.declare(QUEUE)
        proxy.refuse()
        proxy.cut()
        await lose_connection(cluster)
        kept, taken_back, last = (confirmed(cluster, body, 'q') for body in (b'1', b'2', b'3'))
        assert taken_back.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taken_back
        proxy.accept()

        assert [await kept, await last] == [None, None]
        assert not kept.cancel()
        assert await content_of(cluster, 'q') == [b'1', b'3']


async def test_what_was_sent_cannot_be_cancelled_and_is_sent_again(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    async with make_cluster(port=proxy.port) as cluster:
        await cluster.declare(QUEUE)
        proxy.pause()
        assert not confirmed(cluster, b'sent', 'q').cancel()
        proxy.cut()
        proxy.resume()
        await confirmed(cluster, b'next', 'q')
        assert await content_of(cluster, 'q') == [b'sent', b'next']


# -- many at once


async def test_many_with_addresses_of_their_own(cluster: Cluster) -> None:
    for name in ('one', 'two'):
        await cluster.declare(Queue(name))
    two = (Message(b'2'), Exchange.direct, 'two')
    numbered = (Message(b'%d' % number) for number in range(500))
    await asyncio.gather(*cluster.publish_many([*numbered, two], routing_key='one'))
    with pytest.raises(TypeError, match='message must be a Message'):
        cluster.publish_many([Message(b''), 3], routing_key='one')  # type: ignore[list-item]
    await cluster.wait_for_confirms()
    assert numbers(await content_of(cluster, 'one')) == list(range(500))
    assert await content_of(cluster, 'two') == [b'2']


async def test_many_without_confirm(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    cluster.publish_many([Message(b'plain')] * 10, routing_key='q', confirm=False)
    await confirmed(cluster, b'last', 'q')
    async with cluster.messages(QUEUE, no_ack=True) as messages:
        bodies = [(await anext(messages)).body for _ in range(11)]
    assert sorted(bodies) == [b'last'] + [b'plain'] * 10
