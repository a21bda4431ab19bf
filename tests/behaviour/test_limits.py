"""Limits of queues: time to live of messages and queues, length in messages and bytes."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.framing.definitions import QueueDeclare
from tests.behaviour.client import RawChannel, RawConnection, eventually
from tests.behaviour.texts import missing_queue

SOON = 20  # milliseconds
ENOUGH = 100  # milliseconds, in which a test takes its next step for certain
LONG = 60000


@pytest.fixture
def dead(channel: RawChannel) -> str:
    """The name of a queue for dead letters; `DEAD` sends them there."""
    return channel.queue('dead')


DEAD = {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead'}


def gone(connection: RawConnection, queue: str) -> bool:
    """Whether a queue has been deleted; the question is no use of the queue."""
    channel = connection.channel()
    channel.publish(b'', '', queue, mandatory=True)
    channel.publish(b'', '', 'never there', mandatory=True)
    return channel.expect_return().routing_key == queue


# -- time to live of messages


def test_messages_expire_by_the_argument_of_the_queue(channel: RawChannel, dead: str) -> None:
    channel.queue('q', {'x-message-ttl': SOON, **DEAD})
    channel.consume(dead, no_ack=True)

    channel.publish(b'1', routing_key='q')
    channel.publish(b'2', routing_key='q')

    assert channel.next_bodies(2) == [b'1', b'2']
    assert channel.get('q') is None


def test_messages_expire_by_their_property(channel: RawChannel, dead: str) -> None:
    channel.queue('q', DEAD)
    channel.consume(dead, no_ack=True)

    channel.publish(b'long', routing_key='q', expiration=str(LONG))
    assert channel.must_get('q', no_ack=True).body == b'long'
    channel.publish(b'short', routing_key='q', expiration=str(SOON))

    assert channel.next_message().body == b'short'


@pytest.mark.parametrize(
    ('of_queue', 'of_message'), [(SOON, LONG), (LONG, SOON)], ids=['queue', 'message']
)
def test_the_shorter_time_holds(
    channel: RawChannel, dead: str, of_queue: int, of_message: int
) -> None:
    channel.queue('q', {'x-message-ttl': of_queue, **DEAD})
    channel.consume(dead, no_ack=True)

    channel.publish(b'body', routing_key='q', expiration=str(of_message))

    assert channel.next_message().body == b'body'


def test_messages_expire_only_at_the_head(channel: RawChannel, dead: str) -> None:
    channel.queue('q', DEAD)
    channel.put('q', b'first')
    channel.put('q', b'second', expiration='1')
    channel.put('q', b'third', expiration='1')
    channel.consume(dead, no_ack=True)
    channel.expect_nothing('q', dead)
    assert channel.count('q') == 3

    assert channel.must_get('q', no_ack=True).body == b'first'

    assert channel.next_bodies(2) == [b'second', b'third']


def test_an_unacknowledged_message_expires_when_it_comes_back(
    channel: RawChannel, dead: str
) -> None:
    channel.queue('q', {'x-message-ttl': ENOUGH, **DEAD})
    channel.queue('clock', {'x-message-ttl': 2 * ENOUGH, **DEAD})
    channel.put('q', b'held')
    message = channel.must_get('q')
    channel.consume(dead, no_ack=True)
    channel.publish(b'tick', routing_key='clock')
    assert channel.next_message().body == b'tick'

    channel.reject(message.tag, requeue=True)

    assert channel.next_message().body == b'held'


@pytest.mark.parametrize(
    ('arguments', 'properties'),
    [({'x-message-ttl': 0}, {}), ({}, {'expiration': '0'})],
    ids=['queue', 'message'],
)
def test_without_a_consumer_a_message_with_no_time_expires_at_once(
    channel: RawChannel, dead: str, arguments: dict[str, Any], properties: dict[str, Any]
) -> None:
    channel.queue('q', {**arguments, **DEAD})
    channel.consume(dead, no_ack=True)

    channel.publish(b'body', routing_key='q', **properties)

    assert channel.next_message().body == b'body'
    assert channel.get('q') is None


@pytest.mark.parametrize(
    ('arguments', 'properties'),
    [({'x-message-ttl': 0}, {}), ({}, {'expiration': '0'})],
    ids=['queue', 'message'],
)
def test_a_waiting_consumer_gets_a_message_with_no_time(
    channel: RawChannel, arguments: dict[str, Any], properties: dict[str, Any]
) -> None:
    channel.queue('q', arguments)
    channel.consume('q')

    channel.publish(b'body', routing_key='q', **properties)

    assert channel.next_message().body == b'body'


def test_an_expired_message_without_an_exchange_for_it_is_dropped(
    channel: RawChannel, dead: str
) -> None:
    channel.queue('q', {'x-message-ttl': SOON})
    channel.queue('clock', {'x-message-ttl': 3 * SOON, **DEAD})
    channel.consume(dead, no_ack=True)
    channel.put('q', b'body')
    channel.put('clock', b'tick')

    assert channel.next_message().body == b'tick'
    assert channel.get('q') is None


# -- expiry of queues


def test_an_unused_queue_expires(connection: RawConnection, channel: RawChannel) -> None:
    channel.queue('q', {'x-expires': SOON})

    eventually(lambda: gone(connection, 'q'), 'the end of the queue')


def test_an_expired_queue_does_not_exist(
    connection: RawConnection, channel: RawChannel, vhost: str
) -> None:
    channel.queue('q', {'x-expires': 1})
    eventually(lambda: gone(connection, 'q'), 'the end of the queue')

    assert channel.refused(QueueDeclare('q', passive=True)) == missing_queue('q', vhost)


def test_messages_are_no_use_of_a_queue(
    connection: RawConnection, channel: RawChannel, dead: str
) -> None:
    channel.queue('q', {'x-expires': SOON, **DEAD})
    channel.put('q', b'body')

    eventually(lambda: gone(connection, 'q'), 'the end of the queue')
    # The messages of an expired queue are no dead letters.
    assert channel.get(dead) is None


def test_a_queue_with_a_consumer_does_not_expire(
    connection: RawConnection, channel: RawChannel, dead: str
) -> None:
    channel.queue('q', {'x-expires': ENOUGH})
    channel.consume('q', 'tag')
    channel.queue('clock', {'x-message-ttl': 2 * ENOUGH, **DEAD})
    second = connection.channel()
    second.consume(dead, no_ack=True)
    second.publish(b'tick', routing_key='clock')
    second.next_message()
    assert not gone(connection, 'q')

    channel.cancel('tag')

    eventually(lambda: gone(connection, 'q'), 'the end of the queue')


# -- length


def bodies_after(channel: RawChannel, arguments: dict[str, Any], *bodies: bytes) -> list[bytes]:
    """Put messages into a queue with these arguments; return what is in it then."""
    channel.queue('q', arguments)
    channel.put('q', *bodies)
    return channel.bodies('q')


def test_the_oldest_messages_are_dropped(channel: RawChannel) -> None:
    assert bodies_after(channel, {'x-max-length': 2}, b'1', b'2', b'3', b'4') == [b'3', b'4']


def test_no_length_at_all(channel: RawChannel) -> None:
    assert bodies_after(channel, {'x-max-length': 0}, b'1') == []


def test_a_queue_of_no_length_serves_a_waiting_consumer(channel: RawChannel) -> None:
    channel.queue('q', {'x-max-length': 0})
    channel.consume('q')

    channel.publish(b'body', routing_key='q')

    assert channel.next_message().body == b'body'


def test_unacknowledged_messages_do_not_count(channel: RawChannel) -> None:
    channel.queue('q', {'x-max-length': 2})
    channel.put('q', b'1', b'2')
    channel.must_get('q')
    channel.must_get('q')

    channel.put('q', b'3', b'4')

    assert channel.bodies('q') == [b'3', b'4']


def test_requeueing_may_drop(channel: RawChannel) -> None:
    channel.queue('q', {'x-max-length': 2})
    channel.put('q', b'1', b'2')
    message = channel.must_get('q')
    channel.put('q', b'3')

    channel.reject(message.tag, requeue=True)

    assert channel.bodies('q') == [b'2', b'3']


@pytest.mark.parametrize(
    ('limit', 'kept'),
    [
        (20, [b'1' * 10, b'2' * 10]),
        (10, [b'2' * 10]),
        (9, []),
        (0, []),
    ],
)
def test_the_length_in_bytes_is_that_of_the_bodies(
    channel: RawChannel, limit: int, kept: list[bytes]
) -> None:
    arguments = {'x-max-length-bytes': limit}

    assert bodies_after(channel, arguments, b'1' * 10, b'2' * 10) == kept


def test_the_smaller_of_both_lengths_holds(channel: RawChannel) -> None:
    arguments = {'x-max-length': 3, 'x-max-length-bytes': 4}

    assert bodies_after(channel, arguments, b'11', b'22', b'33') == [b'22', b'33']
    channel.put('q', b'1', b'2', b'3', b'4')
    assert channel.bodies('q') == [b'2', b'3', b'4']


def test_dropped_messages_are_confirmed(channel: RawChannel) -> None:
    channel.queue('q', {'x-max-length': 1, 'x-overflow': 'drop-head'})
    channel.confirm()

    for body in (b'1', b'2'):
        channel.publish(body, routing_key='q')

    channel.await_acks()


# -- what a full queue does with a new message


@pytest.mark.parametrize('overflow', ['reject-publish', 'reject-publish-dlx'])
@pytest.mark.parametrize('limit', [{'x-max-length': 2}, {'x-max-length-bytes': 2}], ids=str)
def test_a_full_queue_refuses(channel: RawChannel, overflow: str, limit: dict[str, int]) -> None:
    channel.queue('q', {**limit, 'x-overflow': overflow})
    channel.confirm()

    for body in (b'1', b'2', b'3'):
        channel.publish(body, routing_key='q')

    assert channel.await_confirms() == {3}
    assert channel.bodies('q') == [b'1', b'2']


def test_without_confirms_a_refused_message_is_dropped(channel: RawChannel) -> None:
    channel.queue('q', {'x-max-length': 1, 'x-overflow': 'reject-publish'})
    channel.put('q', b'1')

    channel.publish(b'2', routing_key='q', mandatory=True)

    channel.expect_nothing('q')
    assert channel.bodies('q') == [b'1']


def test_a_queue_with_room_again_accepts(channel: RawChannel) -> None:
    channel.queue('q', {'x-max-length': 1, 'x-overflow': 'reject-publish'})
    channel.put('q', b'1')
    channel.must_get('q', no_ack=True)

    channel.put('q', b'2')

    assert channel.bodies('q') == [b'2']


def test_one_queue_of_several_that_refuses(channel: RawChannel) -> None:
    channel.queue('full', {'x-max-length': 0, 'x-overflow': 'reject-publish'})
    channel.queue('empty')
    for queue in ('full', 'empty'):
        channel.bind(queue, 'amq.fanout')
    channel.confirm()

    channel.publish(b'body', 'amq.fanout')

    assert channel.await_confirms() == {1}
    assert channel.bodies('empty') == [b'body']


def test_refusals_and_acks_mix(channel: RawChannel) -> None:
    channel.queue('full', {'x-max-length': 0, 'x-overflow': 'reject-publish'})
    channel.queue('empty')
    channel.confirm()

    for queue in ('full', 'empty', 'full'):
        channel.publish(b'body', routing_key=queue)

    assert channel.await_confirms() == {1, 3}


@pytest.mark.parametrize(
    ('overflow', 'dead_letters'),
    [('drop-head', [b'1']), ('reject-publish', []), ('reject-publish-dlx', [b'3'])],
)
def test_what_becomes_a_dead_letter(
    channel: RawChannel, dead: str, overflow: str, dead_letters: list[bytes]
) -> None:
    channel.queue('q', {'x-max-length': 2, 'x-overflow': overflow, **DEAD})
    publisher = channel.connection.channel().confirm()
    for body in (b'1', b'2', b'3'):
        publisher.publish(body, routing_key='q')
    publisher.await_confirms()

    found = [channel.await_get(dead, no_ack=True).body for _ in dead_letters]

    assert found == dead_letters
    assert channel.get(dead) is None
