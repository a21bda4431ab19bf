"""Declaring, binding and deleting; what the broker refuses fails alone."""

from __future__ import annotations

import asyncio

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from coolamqp.aio import Cluster
from coolamqp.exceptions import AMQPError
from coolamqp.framing.definitions import QueueDeclareOk
from coolamqp.objects import Exchange, Message, Queue, QueueBind
from tests.both.conftest import MakeCluster
from tests.both.support import Collector, confirmed, consume, content_of
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration


async def publish(cluster: Cluster, exchange: Exchange, key: str, body: bytes) -> None:
    await cluster.publish(Message(body), exchange, key, confirm=True)


async def refusal(future: asyncio.Future[object]) -> int:
    """Return the reply code with which the broker refuses; 0 if it does not."""
    try:
        await future
    except AMQPError as error:
        return error.reply_code
    return 0


async def test_a_declaration_that_is_refused_fails_alone(cluster: Cluster) -> None:
    await cluster.declare(Queue('settled', durable=True))
    futures = [
        cluster.declare(Queue('before', durable=True)),
        cluster.declare(Queue('settled', durable=False)),
        cluster.declare(Exchange('between', b'fanout')),
        cluster.bind('nowhere', 'between', ''),
        cluster.declare(Exchange('amq.forbidden')),
        cluster.declare(Queue('after', durable=True)),
    ]
    assert [await refusal(future) for future in futures] == [0, 406, 0, 404, 403, 0]
    assert 'durable' in str(futures[1].exception())
    assert cluster.connected


async def test_an_exchange_type_that_is_not_installed_costs_only_its_declaration(
    cluster: Cluster,
) -> None:
    """RabbitMQ closes the whole connection for it."""
    refused = cluster.declare(Exchange('strange', b'x-not-installed'))
    fine = cluster.declare(Queue('fine', exclusive=True))
    assert await refusal(refused)
    assert await fine is None


async def test_deleting(cluster: Cluster, pika_channel: BlockingChannel) -> None:
    queue = Queue('deleted')
    assert await cluster.delete_queue(queue) is None  # it does not exist
    await cluster.declare(queue)
    assert await cluster.delete_queue(queue) is None
    assert await refusal(cluster.declare(queue, passive=True)) == 404

    assert await cluster.declare(Queue('deleted', durable=True)) is None
    pika_channel.queue_declare('deleted', passive=True)


async def test_deleting_under_conditions(cluster: Cluster) -> None:
    exchange = Exchange('bound to')
    await consume(cluster, Queue('used'), print)
    await cluster.declare(Queue('full', exchange=exchange))
    await confirmed(cluster, b'', 'full')
    futures = [
        cluster.delete_queue('used', if_unused=True),
        cluster.delete_queue('full', if_empty=True),
        cluster.delete_exchange(exchange, if_unused=True),
    ]
    assert [await refusal(future) for future in futures] == [406] * 3
    await cluster.purge('full')
    await cluster.delete_queue('full', if_unused=True, if_empty=True)
    await cluster.delete_exchange(exchange, if_unused=True)


async def test_asking_and_purging(cluster: Cluster) -> None:
    queue = Queue('q')
    await cluster.declare(queue)
    await confirmed(cluster, b'', 'q')
    assert await cluster.declare(queue, passive=True) == QueueDeclareOk(b'q', 1, 0)
    assert await cluster.purge(queue) == 1
    assert await refusal(cluster.purge('missing')) == 404


async def test_a_queue_in_use_by_another_connection_alone_is_refused(
    cluster: Cluster, make_cluster: MakeCluster
) -> None:
    mine = Queue('mine', exclusive=True)
    await cluster.declare(mine)
    async with make_cluster() as other:
        assert await refusal(other.declare(mine)) == 405
        consumer, ready = other.consume(mine, print, fail_on_first_time_resource_locked=True)
        assert await refusal(ready) == 405
        assert consumer.cancelled


async def test_an_exclusive_queue_that_another_connection_still_holds_is_waited_for(
    cluster: Cluster, make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    collector, mine = Collector(), Queue('mine', exclusive=True)
    async with make_cluster() as holder:
        await holder.declare(mine)
        _, ready = cluster.consume(mine, collector)
        await asyncio.wait([ready], timeout=0.3)
        assert not ready.done()  # RESOURCE_LOCKED, again and again
    await ready
    await confirmed(cluster, b'at last', 'mine')
    await collector.wait_for(1)


async def test_fanout_reaches_all(cluster: Cluster) -> None:
    news = Exchange('news', b'fanout', durable=False)
    collectors = [Collector() for _ in range(3)]
    for collector in collectors:
        await consume(cluster, Queue(None, exchange=news), collector)
    await publish(cluster, news, 'any', b'extra')
    for collector in collectors:
        (message,) = await collector.wait_for(1)
        assert (message.body, message.exchange_name) == (b'extra', b'news')
        assert message.routing_key == b'any'


async def test_topics_are_told_apart(cluster: Cluster) -> None:
    logs = Exchange('logs', b'topic', durable=False)
    await cluster.declare(logs)
    errors, kernel = Collector(), Collector()
    errors_queue = Queue('errors', auto_delete=True)
    await consume(cluster, errors_queue, errors)
    await cluster.bind(errors_queue, logs, '*.error')
    queue = Queue('kernel', auto_delete=True, exchange=logs, routing_key='kernel.#')
    await consume(cluster, queue, kernel)
    for key in ('kernel.error', 'kernel.info', 'mail.error', 'mail.info', 'kernel'):
        await publish(cluster, logs, key, key.encode())

    await errors.wait_for(2)
    await kernel.wait_for(3)
    assert errors.bodies == [b'kernel.error', b'mail.error']
    assert kernel.bodies == [b'kernel.error', b'kernel.info', b'kernel']


async def test_a_queue_is_declared_with_its_exchange_and_binding(cluster: Cluster) -> None:
    exchange = Exchange('with-queue', b'direct')
    await cluster.declare(Queue('bound', exchange=exchange, routing_key='here'))
    await publish(cluster, exchange, 'here', b'arrives')
    await cluster.unbind('bound', exchange, 'here')
    await publish(cluster, exchange, 'here', b'goes nowhere')
    assert await content_of(cluster, 'bound') == [b'arrives']


async def test_exchanges_are_bound_to_each_other(cluster: Cluster) -> None:
    source, target = Exchange('source', b'topic'), Exchange('target', b'fanout')
    for subject in (source, Queue('q', exchange=target)):
        await cluster.declare(subject)
    await cluster.bind_exchange(target, source, '#')
    await publish(cluster, source, 'any', b'arrives')
    await cluster.unbind_exchange(target, source, '#')
    await publish(cluster, source, 'any', b'goes nowhere')
    assert await content_of(cluster, 'q') == [b'arrives']
    await cluster.delete_exchange(source)
    assert await refusal(cluster.declare(source, passive=True)) == 404


async def test_a_binding_with_arguments(cluster: Cluster) -> None:
    exchange = Exchange('by-header', b'headers')
    for subject in (exchange, Queue('red')):
        await cluster.declare(subject)
    await cluster.declare(QueueBind('red', exchange, '', {'x-match': 'all', 'colour': 'red'}))
    for colour in ('blue', 'red'):
        message = Message(colour.encode(), {'headers': {'colour': colour}})
        await cluster.publish(message, exchange, confirm=True)
    assert await content_of(cluster, 'red') == [b'red']
