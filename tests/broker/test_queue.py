"""A queue: expiry, length limits, dead letters, deliveries, at their exact limits."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.framing.definitions import (
    BasicCancel,
    BasicNack,
    BasicQos,
    BasicReject,
    QueueDelete,
    QueuePurge,
)
from tests.broker.rig import Client, Rig, next_wake

JUST_BEFORE = 0.001  # seconds
QUORUM = {'x-queue-type': 'quorum'}


def dead_letters(client: Client, **arguments: Any) -> None:
    """Declare a queue `q` whose dead letters go to the queue `dead`."""
    given = {f'x-{key.replace("_", "-")}': value for key, value in arguments.items()}
    client.declare('dead')
    client.declare(
        'q', {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead', **given}
    )


# Expiry


def test_a_message_expires_exactly_at_its_time(rig: Rig, client: Client) -> None:
    dead_letters(client, message_ttl=1000)
    client.publish(b'x', 'q')
    rig.advance(1 - JUST_BEFORE)
    assert rig.ready('q') == [b'x']

    rig.advance(JUST_BEFORE)
    assert rig.ready('q') == []
    assert rig.ready('dead') == [b'x']


@pytest.mark.parametrize(('ttl', 'expiration'), [(500, '1000'), (1000, '500')])
def test_the_shorter_time_counts(rig: Rig, client: Client, ttl: int, expiration: str) -> None:
    dead_letters(client, message_ttl=ttl)
    client.publish(b'x', 'q', expiration=expiration)

    assert next_wake(rig) == 0.5
    rig.advance(0.5)
    assert rig.ready('dead') == [b'x']


def test_a_message_expires_only_at_the_head(rig: Rig, client: Client) -> None:
    dead_letters(client)
    client.publish(b'long', 'q', expiration='2000')
    client.publish(b'short', 'q', expiration='1000')
    rig.advance(1)
    assert rig.ready('q') == [b'long', b'short']

    assert client.get('q') is not None
    assert rig.ready('q') == []
    assert rig.ready('dead') == [b'short']


def test_an_unacked_message_does_not_expire_before_it_returns(rig: Rig, client: Client) -> None:
    dead_letters(client, message_ttl=1000)
    client.publish(b'x', 'q')
    client.get('q')
    rig.advance(5)
    assert rig.unacked('q') == 1

    client.send(BasicReject(1, True))
    rig.advance(0)
    assert rig.ready('dead') == [b'x']


def test_time_to_live_0_lives_for_a_consumer_that_waits(rig: Rig, client: Client) -> None:
    dead_letters(client, message_ttl=0)
    client.publish(b'missed', 'q')
    rig.advance(0)
    assert rig.ready('dead') == [b'missed']

    client.consume('q', no_ack=True)
    client.publish(b'caught', 'q')
    assert client.bodies() == [b'caught']


def test_a_timer_that_came_too_early_is_set_again(rig: Rig, client: Client) -> None:
    dead_letters(client)
    client.publish(b'1', 'q', expiration='1000')
    client.publish(b'2', 'q', expiration='3000')
    client.get('q', no_ack=True)
    rig.advance(1)
    assert rig.ready('q') == [b'2']
    rig.advance(2)
    assert rig.ready('q') == []
    assert next_wake(rig) == float('inf')


def test_a_deleted_queue_has_no_timers(rig: Rig, client: Client) -> None:
    client.declare('q', {'x-message-ttl': 1000, 'x-expires': 5000})
    client.publish(b'x', 'q')
    client.call(QueueDelete('q'))

    assert next_wake(rig) == float('inf')


# Length


def test_the_oldest_messages_make_room(rig: Rig, client: Client) -> None:
    dead_letters(client, max_length=2)
    for body in (b'1', b'2', b'3', b'4'):
        client.publish(body, 'q')

    assert rig.ready('q') == [b'3', b'4']
    assert rig.ready('dead') == [b'1', b'2']


def test_the_bytes_of_the_bodies_are_limited(rig: Rig, client: Client) -> None:
    client.declare('q', {'x-max-length-bytes': 10})
    client.publish(bytes(4), 'q')
    client.publish(bytes(6), 'q')
    assert len(rig.ready('q')) == 2

    client.publish(bytes(1), 'q')
    assert [len(body) for body in rig.ready('q')] == [6, 1]
    client.publish(bytes(11), 'q')
    assert rig.ready('q') == []


@pytest.mark.parametrize(('overflow', 'dead'), [('reject-publish', 0), ('reject-publish-dlx', 1)])
def test_a_full_queue_refuses(rig: Rig, client: Client, overflow: str, dead: int) -> None:
    dead_letters(client, max_length=1, overflow=overflow)
    client.publish(b'1', 'q')
    client.publish(b'2', 'q')

    assert rig.ready('q') == [b'1']
    assert rig.ready('dead') == [b'2'] * dead


def test_only_ready_messages_count_for_the_length(rig: Rig, client: Client) -> None:
    client.declare('q', {'x-max-length': 1})
    client.publish(b'1', 'q')
    client.get('q')
    client.publish(b'2', 'q')
    assert (rig.ready('q'), rig.unacked('q')) == ([b'2'], 1)

    client.send(BasicReject(1, True))
    assert rig.ready('q') == [b'2']


def test_a_length_of_0_still_serves_a_consumer(rig: Rig, client: Client) -> None:
    client.declare('q', {'x-max-length': 0})
    client.publish(b'missed', 'q')
    client.consume('q')
    client.publish(b'caught', 'q')

    assert client.bodies() == [b'caught']


# Dead letters


def test_a_rejected_message_dies(rig: Rig, client: Client) -> None:
    dead_letters(client)
    client.publish(b'x', 'q')
    client.get('q')
    client.send(BasicReject(1, False))

    assert rig.ready('dead') == [b'x']


def test_a_purged_message_does_not_die(rig: Rig, client: Client) -> None:
    dead_letters(client)
    client.publish(b'x', 'q')
    client.call(QueuePurge('q'))
    client.publish(b'y', 'q')
    client.call(QueueDelete('q'))

    assert rig.ready('dead') == []


def test_a_cycle_without_a_rejection_ends(rig: Rig, client: Client) -> None:
    circle = {'x-dead-letter-exchange': '', 'x-message-ttl': 10}
    client.declare('q1', {**circle, 'x-dead-letter-routing-key': 'q2'})
    client.declare('q2', {**circle, 'x-dead-letter-routing-key': 'q1'})
    client.publish(b'x', 'q1')
    rig.advance(60)

    assert rig.ready('q1') == rig.ready('q2') == []
    assert next_wake(rig) == float('inf')


def test_a_message_may_be_retried_through_a_cycle_with_a_rejection(
    rig: Rig, client: Client
) -> None:
    retry = {'x-dead-letter-exchange': ''}
    client.declare('work', {**retry, 'x-dead-letter-routing-key': 'wait'})
    client.declare('wait', {**retry, 'x-dead-letter-routing-key': 'work', 'x-message-ttl': 1000})
    client.publish(b'x', 'work')
    for count in range(1, 4):
        message = client.get('work')
        assert message is not None
        client.send(BasicReject(message.tag, False))
        rig.advance(1)
        again = rig.queue('work').messages()[0]
        assert dict(again.headers)[b'x-death'][0][0][0][0] == (b'count', (count, 'l'))


def test_a_quorum_queue_gives_up_after_its_limit(rig: Rig, client: Client) -> None:
    dead_letters(client, queue_type='quorum', delivery_limit=2)
    client.publish(b'x', 'q')
    counts = []
    for _ in range(3):
        message = client.get('q')
        assert message is not None
        counts.append(message.headers.get('x-delivery-count'))
        client.send(BasicReject(message.tag, True))

    assert counts == [None, 1, 2]
    assert rig.ready('q') == []
    assert rig.ready('dead') == [b'x']


def test_the_end_of_a_connection_is_one_failed_delivery(rig: Rig) -> None:
    client = rig.connect()
    client.declare('q', QUORUM)
    client.publish(b'x', 'q')
    for number in range(2, 40):
        client.open_channel(number)
        client.consume('q', channel=number)
    client.lose()

    (entry,) = rig.entries('q')
    assert entry.deliveries == 1


# Priorities


def test_a_higher_priority_is_delivered_first(rig: Rig, client: Client) -> None:
    client.declare('q', {'x-max-priority': 5})
    for priority in (None, 1, 9, 5, 0):
        client.publish(str(priority).encode(), 'q', priority=priority)

    assert rig.ready('q') == [b'9', b'5', b'1', b'None', b'0']


def test_a_quorum_queue_has_two_priorities(rig: Rig, client: Client) -> None:
    client.declare('q', QUORUM)
    for priority in (4, 5, 0, 255):
        client.publish(str(priority).encode(), 'q', priority=priority)

    assert rig.ready('q') == [b'5', b'255', b'4', b'0']


# Consumers


def test_messages_are_delivered_in_order(rig: Rig, client: Client) -> None:
    client.declare('q')
    client.call(BasicQos(0, 1, False))
    client.consume('q')
    for body in (b'1', b'2', b'3'):
        client.publish(body, 'q')
    client.send(BasicNack(1, False, True))
    assert client.bodies() == [b'1', b'1']

    client.ack(2)
    client.ack(3)
    client.ack(4)
    assert client.bodies() == [b'2', b'3']


def test_the_next_consumer_becomes_active(client: Client, rig: Rig) -> None:
    client.declare('q', {'x-single-active-consumer': True})
    client.call(BasicQos(0, 1, False))
    tag = client.consume('q')
    other = rig.connect()
    other.consume('q')
    for body in (b'1', b'2'):
        client.publish(body, 'q')
    assert (client.bodies(), other.bodies()) == ([b'1'], [])

    client.call(BasicCancel(tag))
    assert other.bodies() == [b'2']
    client.send(BasicReject(1, True))
    assert other.bodies() == [b'1']


def test_an_auto_delete_queue_goes_with_its_last_consumer(rig: Rig, client: Client) -> None:
    client.declare('q', auto_delete=True)
    tags = [client.consume('q'), client.consume('q')]
    client.call(BasicCancel(tags[0]))
    assert b'q' in rig.vhost.queues

    client.call(BasicCancel(tags[1]))
    assert b'q' not in rig.vhost.queues


def test_an_expired_message_is_not_delivered(rig: Rig, client: Client) -> None:
    client.declare('q')
    client.call(BasicQos(0, 1, False))
    client.consume('q')
    client.publish(b'first', 'q')
    client.publish(b'expired', 'q', expiration='1000')
    client.publish(b'second', 'q')
    client.bodies()
    rig.advance(1)
    client.ack(1)

    assert client.bodies() == [b'second']
