"""Quorum queues: what they refuse, their delivery limit, dead letters, priorities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from coolamqp.framing.definitions import (
    BasicConsume,
    ExchangeDeclare,
    QueueDeclare,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
    QueuePurgeOk,
)
from tests.behaviour.brokers import BrokerUnderTest, by_version
from tests.behaviour.client import RawChannel, RawConnection, eventually
from tests.behaviour.texts import (
    inequivalent,
    invalid_argument,
    not_implemented,
    precondition_failed,
)

QUORUM = {'x-queue-type': 'quorum'}
DEAD = {**QUORUM, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead'}
SOON = 20  # milliseconds


@pytest.fixture
def queue(channel: RawChannel) -> str:
    """The name of a quorum queue."""
    return channel.queue('q', QUORUM)


@pytest.fixture(scope='module', autouse=True)
def expiring(broker: BrokerUnderTest) -> Iterator[str]:
    """A virtual host with a queue that expires, and an exchange that ends with it.

    RabbitMQ looks for expired quorum queues every few seconds, so this starts before other tests.
    """
    name = 'behaviour-expiring'
    broker.add_vhost(name)
    with RawConnection(broker.url(name)) as connection:
        channel = connection.channel()
        channel.call(ExchangeDeclare('e', 'direct', auto_delete=True))
        channel.bind(channel.queue('q', {**QUORUM, 'x-expires': 10 * SOON}), 'e')
    yield name
    broker.delete_vhost(name)


# -- declaration


@pytest.mark.parametrize(
    ('flags', 'name'),
    [
        ({'durable': False}, 'non-durable'),
        ({'exclusive': True}, 'exclusive-owner'),
        ({'auto_delete': True}, 'auto-delete'),
    ],
    ids=str,
)
def test_a_quorum_queue_is_durable_and_shared(
    channel: RawChannel, vhost: str, flags: dict[str, bool], name: str
) -> None:
    method = QueueDeclare('q', **{'durable': True, **flags}, arguments=QUORUM)

    assert channel.refused(method) == precondition_failed(
        f"invalid property '{name}' for queue 'q' in vhost '{vhost}'"
    )


def test_a_quorum_queue_has_a_name(channel: RawChannel) -> None:
    assert channel.refused(QueueDeclare(durable=True, arguments=QUORUM)) == precondition_failed(
        'Cannot declare a server-named queue for type rabbit_quorum_queue'
    )


@pytest.mark.parametrize('argument', ['x-max-priority', 'x-queue-mode', 'x-max-age'])
def test_arguments_of_other_types_of_queues(
    broker: BrokerUnderTest, channel: RawChannel, vhost: str, argument: str
) -> None:
    if argument == 'x-queue-mode' and broker.version >= (4, 3):
        pytest.skip('this version does not know the argument')
    method = QueueDeclare('q', durable=True, arguments={**QUORUM, argument: 5})

    assert channel.refused(method) == precondition_failed(
        f"invalid arg '{argument}' for queue 'q' in vhost '{vhost}' of queue type "
        'rabbit_quorum_queue'
    )


@pytest.mark.parametrize(
    'argument',
    [
        {'x-message-ttl': 60000},
        {'x-expires': 60000},
        {'x-max-length': 5},
        {'x-max-length-bytes': 5},
        {'x-overflow': 'drop-head'},
        {'x-overflow': 'reject-publish'},
        {'x-dead-letter-exchange': ''},
        {'x-dead-letter-strategy': 'at-most-once'},
        {'x-single-active-consumer': True},
        {'x-delivery-limit': 5},
        {'x-quorum-initial-group-size': 1},
        {'x-queue-leader-locator': 'client-local'},
    ],
    ids=str,
)
def test_accepted_arguments(channel: RawChannel, argument: dict[str, Any]) -> None:
    channel.queue('q', {**QUORUM, **argument})
    channel.queue('q', {**QUORUM, **argument})


def test_an_unknown_strategy(channel: RawChannel, vhost: str) -> None:
    arguments = {**QUORUM, 'x-dead-letter-strategy': 'never'}

    assert channel.refused(QueueDeclare('q', durable=True, arguments=arguments)) == (
        invalid_argument('x-dead-letter-strategy', 'invalid_dlx_strategy', vhost)
    )


def test_declaring_again_without_the_type(
    broker: BrokerUnderTest, channel: RawChannel, queue: str, vhost: str
) -> None:
    received, current = by_version(
        broker,
        {
            (3, 10): ('none', "the value 'quorum' of type 'longstr'"),
            (4, 0): ("'classic'", "'quorum'"),
        },
    )

    assert channel.refused(QueueDeclare(queue, durable=True)) == inequivalent(
        'x-queue-type', "queue 'q'", vhost, received, current
    )


# -- messages


def test_messages_keep_their_order(channel: RawChannel, queue: str) -> None:
    bodies = [str(number).encode() for number in range(100)]
    channel.put(queue, *bodies)

    channel.consume(queue, no_ack=True)

    assert channel.next_bodies(100) == bodies


def test_counts(channel: RawChannel, queue: str) -> None:
    channel.put(queue, b'1', b'2', b'3')
    message = channel.must_get(queue)
    assert message.method.message_count == 2

    assert channel.count(queue) == 2
    channel.ack(message.tag)
    assert channel.call(QueuePurge(queue)) == QueuePurgeOk(2)
    assert channel.get(queue) is None


@pytest.mark.parametrize(
    ('limit', 'to_the_end'),
    [
        ({'x-delivery-limit': 5}, {(3, 10): False}),
        ({'x-delivery-limit': -1}, {(4, 0): True, (4, 3): False}),
        ({}, {(3, 10): True, (4, 0): False}),
    ],
    ids=['limit', 'no limit', 'default'],
)
def test_without_a_delivery_limit_a_requeued_message_goes_to_the_end(
    broker: BrokerUnderTest,
    channel: RawChannel,
    limit: dict[str, int],
    to_the_end: dict[tuple[int, ...], bool],
) -> None:
    # RabbitMQ 3.10 has no limit by default, and 4.0 one of 20. From 4.3 on, it goes to its place.
    if broker.version < min(to_the_end):
        pytest.skip('this version takes -1 as a limit')
    channel.queue('q', {**QUORUM, **limit})
    channel.put('q', b'1', b'2', b'3')

    channel.reject(channel.must_get('q').tag, requeue=True)

    bodies = b''.join(channel.await_get('q', no_ack=True).body for _ in range(3))
    assert bodies == (b'231' if by_version(broker, to_the_end) else b'123')


def test_prefetch(channel: RawChannel, queue: str) -> None:
    channel.put(queue, b'1', b'2', b'3')
    channel.qos(2)
    channel.consume(queue)
    first, second = channel.next_messages(2)
    channel.expect_nothing(queue)

    channel.ack(first.tag)

    assert (second.body, channel.next_message().body) == (b'2', b'3')


def test_a_limit_of_the_channel_is_refused(
    broker: BrokerUnderTest, channel: RawChannel, queue: str, vhost: str
) -> None:
    if broker.version >= (4, 3):
        pytest.skip('this version takes the limit of a channel as one of each consumer')
    channel.qos(5, global_=True)

    assert channel.refused(BasicConsume(queue)) == not_implemented(
        f"queue 'q' in vhost '{vhost}' does not support global qos"
    )


def test_messages_of_a_closed_channel_come_back(
    connection: RawConnection, channel: RawChannel, queue: str
) -> None:
    channel.put(queue, b'1')
    second = connection.channel()
    second.must_get(queue)
    second.close()

    message = channel.await_get(queue)

    assert (message.body, message.redelivered) == (b'1', True)


# -- the delivery limit


def test_the_header_counts_deliveries(
    broker: BrokerUnderTest, channel: RawChannel, queue: str
) -> None:
    channel.put(queue, b'body')
    channel.consume(queue)
    message = channel.next_message()
    # RabbitMQ 3 has the header at the first delivery too, but only for basic.get.
    assert 'x-delivery-count' not in message.headers
    for count in (1, 2, 3):
        channel.reject(message.tag, requeue=True)
        message = channel.next_message()
        assert message.headers['x-delivery-count'] == count
        assert message.redelivered
        assert ('x-acquired-count' in message.headers) == (broker.version >= (4, 3))


def test_the_header_at_the_first_get(
    broker: BrokerUnderTest, channel: RawChannel, queue: str
) -> None:
    channel.put(queue, b'body')

    expected = by_version(broker, {(3, 10): {'x-delivery-count': 0}, (4, 0): {}})
    assert channel.must_get(queue).headers == expected


def test_a_message_over_the_limit_is_dropped(channel: RawChannel) -> None:
    channel.queue('q', {**QUORUM, 'x-delivery-limit': 2})
    channel.put('q', b'poison', b'other')
    channel.qos(1)
    channel.consume('q')
    found = []
    for _ in range(4):
        message = channel.next_message()
        found.append(message.body)
        if message.body == b'poison':
            channel.reject(message.tag, requeue=True)
        else:
            channel.ack(message.tag)

    assert sorted(found) == [b'other', b'poison', b'poison', b'poison']
    channel.expect_nothing('q')
    assert eventually(lambda: channel.count('q') == 0, 'an empty queue')


def test_a_message_over_the_limit_becomes_a_dead_letter(channel: RawChannel) -> None:
    channel.queue('dead')
    channel.queue('q', {**DEAD, 'x-delivery-limit': 1})
    channel.put('q', b'poison')
    channel.consume('q')
    for _ in range(2):
        channel.reject(channel.next_message().tag, requeue=True)

    message = channel.await_get('dead')

    (entry,) = message.headers['x-death']
    assert (entry['queue'], entry['reason'], entry['count']) == ('q', 'delivery_limit', 1)
    assert message.headers['x-first-death-reason'] == 'delivery_limit'


def test_a_limit_of_zero(channel: RawChannel) -> None:
    channel.queue('dead')
    channel.queue('q', {**DEAD, 'x-delivery-limit': 0})
    channel.put('q', b'poison')

    channel.reject(channel.must_get('q').tag, requeue=True)

    assert channel.await_get('dead').body == b'poison'


def test_the_default_limit(broker: BrokerUnderTest, channel: RawChannel, queue: str) -> None:
    deliveries = by_version(broker, {(3, 10): 30, (4, 0): 21})
    channel.put(queue, b'poison')
    channel.consume(queue)
    for _ in range(deliveries):
        channel.reject(channel.next_message().tag, requeue=True)

    if broker.version < (4, 0):
        assert channel.next_message().body == b'poison'
    else:
        channel.put(queue, b'other')
        assert channel.next_message().body == b'other'


def test_closing_channels_counts_too(connection: RawConnection, channel: RawChannel) -> None:
    channel.queue('dead')
    channel.queue('q', {**DEAD, 'x-delivery-limit': 1})
    channel.put('q', b'poison')
    for _ in range(2):
        second = connection.channel()
        second.await_get('q')
        second.close()

    assert channel.await_get('dead').body == b'poison'


# -- limits and dead letters


def test_a_rejected_message_becomes_a_dead_letter(channel: RawChannel) -> None:
    channel.queue('dead')
    channel.queue('q', DEAD)
    channel.put('q', b'body')

    channel.reject(channel.must_get('q').tag)

    message = channel.await_get('dead')
    (entry,) = message.headers['x-death']
    assert (entry['queue'], entry['reason'], entry['count']) == ('q', 'rejected', 1)
    assert entry['routing-keys'] == ['q']


@pytest.mark.parametrize('by', ['queue', 'message'])
def test_an_expired_message_becomes_a_dead_letter(channel: RawChannel, by: str) -> None:
    channel.queue('dead')
    channel.queue('q', {**DEAD, 'x-message-ttl': SOON} if by == 'queue' else DEAD)
    expiration = str(SOON) if by == 'message' else None
    channel.put('q', b'body', expiration=expiration)

    message = channel.await_get('dead')

    (entry,) = message.headers['x-death']
    assert entry['reason'] == 'expired'
    assert entry.get('original-expiration') == expiration
    assert message.properties.expiration is None


def test_the_oldest_messages_are_dropped(channel: RawChannel) -> None:
    channel.queue('q', {**QUORUM, 'x-max-length': 2})
    channel.put('q', b'1', b'2', b'3')

    assert channel.bodies('q') == [b'2', b'3']


def test_dropped_messages_become_dead_letters(channel: RawChannel) -> None:
    channel.queue('dead')
    channel.queue('q', {**DEAD, 'x-max-length': 1})
    channel.put('q', b'1', b'2')

    message = channel.await_get('dead')

    assert message.body == b'1'
    assert message.headers['x-death'][0]['reason'] == 'maxlen'


def test_an_unused_queue_expires(expiring: str, broker: BrokerUnderTest) -> None:
    # To look after the queue would be a use of it. The exchange ends with its last binding.
    with RawConnection(broker.url(expiring)) as connection:

        def gone() -> bool:
            asking = connection.channel()
            asking.send(ExchangeDeclare('e', passive=True))
            asking.send(ExchangeDeclare('never there', passive=True))
            return "'e'" in asking.expect_close()[1]

        eventually(gone, 'the end of the queue')


# -- priorities and consumers


def test_priorities(broker: BrokerUnderTest, channel: RawChannel, queue: str) -> None:
    for body, priority in ((b'a', 1), (b'b', 5), (b'c', 4), (b'd', 9), (b'e', None)):
        channel.put(queue, body, priority=priority)

    bodies = b''.join(channel.bodies(queue))

    # RabbitMQ 3.10 knows none; 4.0 knows two levels, up to 4 and above, and serves two messages of
    # the higher for one of the lower; 4.3 knows 32, and no priority is 4.
    assert bodies == by_version(broker, {(3, 10): b'abcde', (4, 0): b'bdace', (4, 3): b'dbcea'})


def test_the_single_active_consumer(connection: RawConnection, channel: RawChannel) -> None:
    channel.queue('q', {**QUORUM, 'x-single-active-consumer': True})
    first, second = connection.channel(), connection.channel()
    first.consume('q', 'a')
    second.consume('q', 'b')
    channel.put('q', b'1')
    message = first.next_message()
    first.ack(message.tag)
    first.cancel('a')

    channel.put('q', b'2')

    assert second.next_message().body == b'2'


def test_deleting_the_queue(channel: RawChannel, queue: str) -> None:
    channel.put(queue, b'1', b'2')

    assert channel.call(QueueDelete(queue)) == QueueDeleteOk(2)


@pytest.mark.parametrize(
    ('flag', 'name'), [({'if_unused': True}, 'if-unused'), ({'if_empty': True}, 'if-empty')]
)
def test_deleting_on_a_condition_is_not_implemented(
    channel: RawChannel, queue: str, vhost: str, flag: dict[str, bool], name: str
) -> None:
    assert channel.refused(QueueDelete(queue, **flag)) == not_implemented(
        f"cannot delete queue 'q' in vhost '{vhost}'. queue.delete operations with {name} flag "
        'set are not supported by quorum queues'
    )
