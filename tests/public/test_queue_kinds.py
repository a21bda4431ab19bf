"""The kinds of queues and what they can do, each used once through a Cluster."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue
from tests.integration.support import PATIENCE, Collector, confirmed, consume
from tests.support.nodes import BrokerNode

pytestmark = pytest.mark.integration

BODIES = [b'%d' % n for n in range(10)]


def fill(cluster: Cluster, queue: Queue) -> None:
    """Declare a queue and put ten messages into it."""
    cluster.declare(queue).result(PATIENCE)
    for future in cluster.publish_many([Message(body) for body in BODIES], '', queue.name or b''):
        future.result(PATIENCE)


def test_a_quorum_queue_counts_its_deliveries(cluster: Cluster, rabbitmq: BrokerNode) -> None:
    collector = Collector(lambda message: message.nack() if not message.headers else message.ack())
    queue = Queue('quorum', durable=True, arguments={'x-queue-type': 'quorum'})
    consume(cluster, queue, collector, no_ack=False, prefetch=1)
    confirmed(cluster, b'x', 'quorum').result(PATIENCE)

    messages = collector.wait_for(2)
    # From 4.3 on, a nack is no failed delivery; only what rejects adds to x-delivery-count.
    count = 'x-acquired-count' if rabbitmq.version >= (4, 3) else 'x-delivery-count'
    assert messages[1].headers[count] == 1
    assert messages[1].redelivered


@pytest.mark.parametrize(
    ('offset', 'expected'),
    [
        ('first', BODIES),
        (7, BODIES[7:]),
        (datetime.now(UTC) - timedelta(hours=1), BODIES),
        ('1h', BODIES),
        ('next', []),
    ],
)
def test_a_stream_is_read_from_an_offset(cluster: Cluster, offset: Any, expected: Any) -> None:
    stream = Queue('stream', durable=True, arguments={'x-queue-type': 'stream'})
    fill(cluster, stream)
    collector = Collector(lambda message: message.ack())

    arguments = {'x-stream-offset': offset}
    consume(cluster, stream, collector, no_ack=False, prefetch=100, arguments=arguments)
    confirmed(cluster, b'new', 'stream').result(PATIENCE)

    messages = collector.wait_for(len(expected) + 1)
    assert [message.body for message in messages] == [*expected, b'new']
    assert messages[-1].headers['x-stream-offset'] == 10


def test_a_stream_is_read_from_its_last_chunk(cluster: Cluster) -> None:
    stream = Queue('stream', durable=True, arguments={'x-queue-type': 'stream'})
    fill(cluster, stream)
    confirmed(cluster, b'last', 'stream').result(PATIENCE)
    collector = Collector(lambda message: message.ack())

    arguments = {'x-stream-offset': 'last'}
    consume(cluster, stream, collector, no_ack=False, prefetch=100, arguments=arguments)

    collector.wait_until(lambda got: bool(got) and got[-1].body == b'last', 'the last message')


def test_the_first_in_a_priority_queue_are_those_of_the_highest_priority(
    cluster: Cluster,
) -> None:
    cluster.declare(Queue('urgent', arguments={'x-max-priority': 5})).result(PATIENCE)
    for priority in (1, 5, 3):
        body = b'%d' % priority
        confirmed(cluster, body, 'urgent', {'priority': priority}).result(PATIENCE)

    bodies = [cluster.get('urgent', no_ack=True).result(PATIENCE).body for _ in range(3)]

    assert bodies == [b'5', b'3', b'1']


def test_what_expires_is_dead_lettered_and_so_delayed(cluster: Cluster) -> None:
    collector = Collector()
    consume(cluster, Queue('due'), collector)
    arguments = {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'due'}
    cluster.declare(Queue('delay', arguments=arguments)).result(PATIENCE)

    confirmed(cluster, b'later', 'delay', {'expiration': '50'}).result(PATIENCE)

    (message,) = collector.wait_for(1)
    assert message.headers['x-death'][0]['reason'] == 'expired'
    assert message.headers['x-first-death-queue'] == 'delay'


def test_messages_live_no_longer_than_their_queue_says(cluster: Cluster) -> None:
    collector = Collector()
    consume(cluster, Queue('expired'), collector)
    arguments = {
        'x-message-ttl': 50,
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': 'expired',
    }
    cluster.declare(Queue('short', arguments=arguments)).result(PATIENCE)

    confirmed(cluster, b'x', 'short').result(PATIENCE)

    collector.wait_for(1)


def test_a_single_active_consumer_is_followed_by_the_next(cluster: Cluster) -> None:
    queue = Queue('single', arguments={'x-single-active-consumer': True})
    first, second = Collector(), Collector()
    active = consume(cluster, queue, first)
    consume(cluster, queue, second)
    confirmed(cluster, b'for the first', 'single').result(PATIENCE)
    first.wait_for(1)

    active.cancel().result(PATIENCE)
    confirmed(cluster, b'for the second', 'single').result(PATIENCE)

    second.wait_for(1)
    assert (first.bodies, second.bodies) == ([b'for the first'], [b'for the second'])
