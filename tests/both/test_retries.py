"""Retries with a delay: the attempts of a message, its dead-letter queue, and what is not lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from coolamqp.aio import Cluster
from coolamqp.exceptions import AMQPError
from coolamqp.objects import Exchange, Message, MessageProperties, Queue, ReceivedMessage
from tests.both.conftest import MakeCluster
from tests.both.faces import result
from tests.both.support import Collector, confirmed, consume, content_of
from tests.support.nodes import BrokerNode

pytestmark = pytest.mark.integration

DELAYS = (0.02, 0.05)


def jobs(queue_type: str = 'classic', **options: Any) -> Queue:
    """Return a queue with retries."""
    arguments = {'x-queue-type': queue_type}
    return Queue('jobs', durable=True, retry_delays=DELAYS, arguments=arguments, **options)


async def dead_letters(cluster: Cluster, count: int) -> list[ReceivedMessage]:
    """Return the messages of the dead-letter queue, once there are so many."""
    dead = Collector(ReceivedMessage.ack)
    consumer = await consume(cluster, 'jobs.dead', dead, no_ack=False)
    messages = await dead.wait_for(count)
    await result(consumer.cancel())
    return messages


@pytest.mark.parametrize('queue_type', ['classic', 'quorum'])
async def test_a_message_is_tried_after_each_delay_and_then_dead_lettered(
    cluster: Cluster, queue_type: str
) -> None:
    attempts = Collector(lambda message: message.retry('no luck'))
    topics = Exchange('topics', b'topic')
    queue = jobs(queue_type, exchange=topics, routing_key='job.#')
    await consume(cluster, queue, attempts, no_ack=False)
    message = Message(b'x', MessageProperties(headers={'mine': 1}, expiration='60000'))
    await cluster.publish(message, topics, 'job.small', confirm=True)
    (dead,) = await dead_letters(cluster, 1)

    assert [each.attempt for each in attempts.items] == [1, 2, 3]
    assert dead.attempt == 4
    for each in (*attempts.items, dead):
        assert (each.body, each.routing_key, each.headers['mine']) == (b'x', b'job.small', 1)
    assert dead.headers['x-retry-reason'] == 'no luck'
    assert await content_of(cluster, 'jobs') == []


async def test_a_message_whose_callback_raises_is_retried(cluster: Cluster) -> None:
    def fail_once(message: ReceivedMessage) -> None:
        attempts.append((message.attempt, message.headers.get('x-retry-reason')))
        if message.attempt == 1:
            raise LookupError('no such order')
        message.ack()

    attempts: list[Any] = []
    collector = Collector()

    def work(message: ReceivedMessage) -> None:
        try:
            fail_once(message)
        finally:
            collector(message)

    consumer = await consume(cluster, jobs(), work, no_ack=False, on_error='retry')
    await confirmed(cluster, b'x', 'jobs')
    await collector.wait_for(2)
    await result(consumer.cancel())
    assert attempts == [(1, None), (2, 'LookupError: no such order')]
    assert await content_of(cluster, 'jobs') == []


async def test_a_rejected_message_is_dead_lettered_at_once(cluster: Cluster) -> None:
    await consume(cluster, jobs(), lambda message: message.reject(), no_ack=False)
    await confirmed(cluster, b'x', 'jobs')
    (dead,) = await dead_letters(cluster, 1)
    assert (dead.body, dead.attempt) == (b'x', 1)


async def test_a_dead_letter_exchange_of_the_program_is_used(cluster: Cluster) -> None:
    await cluster.declare(Queue('graves', durable=True))
    arguments = {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'graves'}
    queue = Queue('jobs', durable=True, retry_delays=(0.02,), arguments=arguments)
    await consume(cluster, queue, lambda message: message.retry(), no_ack=False)
    await confirmed(cluster, b'x', 'jobs')
    dead = Collector(ReceivedMessage.ack)
    await consume(cluster, 'graves', dead, no_ack=False)
    (message,) = await dead.wait_for(1)
    assert message.attempt == 3
    with pytest.raises(AMQPError, match='no queue'):
        await cluster.declare(Queue('jobs.dead'), passive=True)


async def test_a_declaration_makes_everything(cluster: Cluster) -> None:
    await cluster.declare(jobs())
    for name in ('jobs', 'jobs.retry.20ms', 'jobs.retry.50ms', 'jobs.dead'):
        await cluster.declare(Queue(name), passive=True)


async def test_a_cancellation_waits_for_the_copies(cluster: Cluster) -> None:
    taken = Collector(lambda message: message.retry())
    queue = Queue('jobs', durable=True, retry_delays=(60,))
    consumer = await consume(cluster, queue, taken, no_ack=False)
    await asyncio.gather(*(confirmed(cluster, b'x', 'jobs') for _ in range(10)))
    await taken.wait_for(10)
    await result(consumer.cancel())
    assert await content_of(cluster, 'jobs') == []
    assert len(await content_of(cluster, 'jobs.retry.60s')) == 10


async def test_a_message_that_cannot_be_copied_is_requeued(cluster: Cluster) -> None:
    taken = Collector(lambda message: message.retry())
    queue = Queue('jobs', durable=True, retry_delays=(60,))
    await consume(cluster, queue, taken, no_ack=False)
    await cluster.delete_queue('jobs.retry.60s')
    await confirmed(cluster, b'x', 'jobs')
    first, second, *_ = await taken.wait_for(2)
    assert (first.attempt, second.attempt) == (1, 1)
    assert second.redelivered


@pytest.mark.parametrize('inline', [False, True])
async def test_a_message_that_cannot_be_tried_again_costs_the_others_nothing(
    cluster: Cluster, inline: bool
) -> None:
    def fail(message: ReceivedMessage) -> None:
        raise LookupError('no such order')

    queue = Queue('jobs', durable=True, retry_delays=(0.02,))
    await consume(cluster, queue, fail, no_ack=False, on_error='retry', inline=inline)
    await confirmed(cluster, b'bad', 'jobs', {'headers': {'x-attempt': 2**63 - 1}})
    await confirmed(cluster, b'good', 'jobs')
    bad, good = await dead_letters(cluster, 2)
    assert (bad.body, bad.attempt) == (b'bad', 2**63 - 1)
    assert (good.body, good.attempt) == (b'good', 3)


async def test_only_one_settlement_counts(cluster: Cluster) -> None:
    results: list[bool] = []

    def settle(message: ReceivedMessage) -> None:
        if message.attempt == 1:
            results.extend([message.retry(), message.retry(), message.ack(), message.acked])
        else:
            results.extend([message.ack(), message.retry()])

    taken = Collector(settle)
    await consume(cluster, jobs(), taken, no_ack=False)
    await confirmed(cluster, b'x', 'jobs')
    await taken.wait_for(2)
    assert results == [True, True, False, False, True, False]


async def test_a_message_of_another_queue_cannot_be_retried(cluster: Cluster) -> None:
    errors: list[str] = []

    def retry(message: ReceivedMessage) -> None:
        with pytest.raises(ValueError, match='retry_delays') as caught:
            message.retry()
        errors.append(str(caught.value))

    taken = Collector(retry)
    await consume(cluster, Queue('plain', durable=True), taken, no_ack=False)
    await confirmed(cluster, b'x', 'plain')
    await taken.wait_for(1)
    assert len(errors) == 1


async def test_a_lost_connection_brings_the_message_again(
    make_cluster: MakeCluster, rabbitmq: BrokerNode
) -> None:
    """The broker has all copies, or the messages themselves."""
    cluster = make_cluster()
    taken = Collector(lambda message: message.retry())
    queue = Queue('jobs', durable=True, retry_delays=(600,))
    await cluster.start()
    await consume(cluster, queue, taken, no_ack=False, prefetch=10)
    sent = [confirmed(cluster, b'%d' % number, 'jobs') for number in range(100)]
    await taken.wait_for(20)
    await asyncio.to_thread(rabbitmq.close_all_connections)
    await asyncio.gather(*sent)
    await taken.wait_until(lambda: len({*taken.bodies}) == 100)
    await cluster.shutdown()
    other = make_cluster()
    await other.start()
    assert {*await content_of(other, 'jobs.retry.600s')} == {b'%d' % n for n in range(100)}
