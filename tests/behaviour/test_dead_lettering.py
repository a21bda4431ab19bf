"""Dead letters: where they go, and what their headers say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from coolamqp.framing.definitions import BasicReject, QueueDelete, QueuePurge
from tests.behaviour.brokers import BrokerUnderTest, by_version
from tests.behaviour.client import RawChannel
from tests.behaviour.wire import Message

DEAD = {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead'}
SOON = 10  # milliseconds


@pytest.fixture
def dead(channel: RawChannel) -> RawChannel:
    """A consumer of the queue `dead` on a channel of its own; `DEAD` sends messages there."""
    channel.queue('dead')
    consumer = channel.connection.channel()
    consumer.consume('dead')
    return consumer


def reject(channel: RawChannel, queue: str) -> None:
    """Reject the first message of a queue."""
    channel.reject(channel.must_get(queue).tag)


def deaths(message: Message[Any]) -> list[dict[str, Any]]:
    """Return x-death without the times, which are checked to be about now."""
    found = [dict(death) for death in message.headers['x-death']]
    for death in found:
        assert abs(death.pop('time') - datetime.now(UTC)) < timedelta(minutes=1)
    return found


def death(queue: str, reason: str, **other: Any) -> dict[str, Any]:
    """Return an entry of x-death, for a message to the default exchange."""
    entry = {
        'count': 1,
        'reason': reason,
        'queue': queue,
        'exchange': '',
        'routing-keys': [queue],
    }
    return {**entry, **{name.replace('_', '-'): value for name, value in other.items()}}


def summary(
    broker: BrokerUnderTest, first: tuple[str, str, str], last: tuple[str, str, str]
) -> dict[str, str]:
    """Return the headers for the first and last death: reason, queue, exchange."""
    names = ('reason', 'queue', 'exchange')
    headers = {f'x-first-death-{name}': value for name, value in zip(names, first, strict=True)}
    newer = {f'x-last-death-{name}': value for name, value in zip(names, last, strict=True)}
    return by_version(broker, {(3, 10): headers, (4, 0): {**headers, **newer}})


# -- reasons


def test_a_rejected_message(broker: BrokerUnderTest, channel: RawChannel, dead: RawChannel) -> None:
    channel.queue('q', DEAD)
    channel.put('q', b'body', message_id='id', headers={'mine': 1})

    reject(channel, 'q')

    message = dead.next_message()
    assert (message.body, message.properties.message_id) == (b'body', b'id')
    assert (message.exchange, message.routing_key) == ('', 'dead')
    assert not message.redelivered
    assert deaths(message) == [death('q', 'rejected')]
    headers = {name: value for name, value in message.headers.items() if name != 'x-death'}
    once = ('rejected', 'q', '')
    assert headers == {'mine': 1, **summary(broker, once, once)}


def test_an_expired_message_of_a_queue_with_a_limit(channel: RawChannel, dead: RawChannel) -> None:
    channel.queue('q', {'x-message-ttl': SOON, **DEAD})
    channel.publish(b'body', routing_key='q')

    message = dead.next_message()

    assert deaths(message) == [death('q', 'expired')]


def test_an_expired_message_loses_its_expiration(channel: RawChannel, dead: RawChannel) -> None:
    channel.queue('q', DEAD)
    channel.publish(b'body', routing_key='q', expiration=str(SOON))

    message = dead.next_message()

    assert message.properties.expiration is None
    assert deaths(message) == [death('q', 'expired', original_expiration=str(SOON))]


def test_a_rejected_message_loses_its_expiration_too(channel: RawChannel, dead: RawChannel) -> None:
    channel.queue('q', DEAD)
    channel.put('q', b'body', expiration='60000')

    reject(channel, 'q')

    message = dead.next_message()
    assert message.properties.expiration is None
    assert deaths(message) == [death('q', 'rejected', original_expiration='60000')]


def test_a_message_of_a_queue_that_is_full(channel: RawChannel, dead: RawChannel) -> None:
    channel.queue('q', {'x-max-length': 1, **DEAD})
    channel.put('q', b'1', b'2')

    message = dead.next_message()

    assert message.body == b'1'
    assert deaths(message) == [death('q', 'maxlen')]


def test_a_message_that_a_full_queue_refuses(channel: RawChannel, dead: RawChannel) -> None:
    channel.queue('q', {'x-max-length': 0, 'x-overflow': 'reject-publish-dlx', **DEAD})
    channel.publish(b'body', routing_key='q')

    assert deaths(dead.next_message()) == [death('q', 'maxlen')]


@pytest.mark.parametrize('requeue', [False, True])
def test_a_refused_message(channel: RawChannel, dead: RawChannel, requeue: bool) -> None:
    channel.queue('q', DEAD)
    channel.put('q', b'1', b'2')
    channel.must_get('q')
    channel.must_get('q')

    channel.nack(2, multiple=True, requeue=requeue)

    if requeue:
        assert channel.bodies('q') == [b'1', b'2']
    else:
        assert dead.next_bodies(2) == [b'1', b'2']


def test_purged_and_acknowledged_messages_are_no_dead_letters(
    channel: RawChannel, dead: RawChannel
) -> None:
    channel.queue('q', DEAD)
    channel.put('q', b'1', b'2', b'3', b'4')
    channel.ack(channel.must_get('q').tag)
    channel.must_get('q', no_ack=True)
    channel.call(QueuePurge('q'))
    channel.put('q', b'last')
    reject(channel, 'q')

    assert dead.next_message().body == b'last'
    channel.put('q', b'5')
    channel.call(QueueDelete('q'))
    dead.expect_nothing('dead')


# -- where they go


def test_without_a_routing_key_the_message_keeps_its_own(channel: RawChannel) -> None:
    channel.bind(channel.queue('dead'), channel.exchange('dlx', 'topic'), '#')
    channel.bind(channel.queue('q', {'x-dead-letter-exchange': 'dlx'}), 'amq.topic', 'a.*')
    channel.put('a.b', b'body', exchange='amq.topic')

    reject(channel, 'q')

    message = channel.await_get('dead')
    assert (message.exchange, message.routing_key) == ('dlx', 'a.b')
    assert deaths(message) == [death('q', 'rejected', exchange='amq.topic', routing_keys=['a.b'])]


def test_the_routing_key_of_the_queue(channel: RawChannel) -> None:
    channel.bind(channel.queue('dead'), 'amq.direct', 'other')
    arguments = {'x-dead-letter-exchange': 'amq.direct', 'x-dead-letter-routing-key': 'other'}
    channel.queue('q', arguments)
    channel.put('q', b'body')

    reject(channel, 'q')

    message = channel.await_get('dead')
    assert (message.exchange, message.routing_key) == ('amq.direct', 'other')


def test_a_missing_exchange_drops_dead_letters(channel: RawChannel, dead: RawChannel) -> None:
    channel.queue('q', {'x-dead-letter-exchange': 'missing'})
    channel.queue('other', DEAD)
    channel.put('q', b'dropped')
    reject(channel, 'q')
    channel.put('other', b'kept')
    reject(channel, 'other')

    assert dead.next_message().body == b'kept'
    assert channel.count('q') == 0


def test_a_dead_letter_may_be_unroutable(channel: RawChannel) -> None:
    channel.queue('q', {'x-dead-letter-exchange': 'amq.direct'})
    channel.put('q', b'dropped')

    reject(channel, 'q')

    channel.expect_nothing('q')
    assert channel.count('q') == 0


def test_an_alternate_exchange_receives_unroutable_dead_letters(channel: RawChannel) -> None:
    channel.bind(channel.queue('rest'), channel.exchange('alternate', 'fanout'))
    channel.exchange('dlx', 'direct', {'alternate-exchange': 'alternate'})
    channel.queue('q', {'x-dead-letter-exchange': 'dlx'})
    channel.put('q', b'body')

    reject(channel, 'q')

    assert channel.await_get('rest').body == b'body'


def test_dead_letters_keep_their_order(channel: RawChannel, dead: RawChannel) -> None:
    channel.queue('q', DEAD)
    bodies = [str(number).encode() for number in range(20)]
    channel.put('q', *bodies)
    for _ in bodies:
        channel.must_get('q')

    channel.nack(0, multiple=True)

    assert dead.next_bodies(20) == bodies


# -- several deaths


def test_a_republished_message(
    broker: BrokerUnderTest, channel: RawChannel, dead: RawChannel
) -> None:
    channel.queue('q', DEAD)
    channel.put('q', b'body')
    reject(channel, 'q')
    message = dead.next_message()
    channel.put('q', b'body', headers=message.properties.headers)

    reject(channel, 'q')

    # RabbitMQ 4 does not believe the headers of a publisher.
    count = by_version(broker, {(3, 10): 2, (4, 0): 1})
    assert deaths(dead.next_message()) == [death('q', 'rejected', count=count)]


def test_the_latest_death_comes_first(
    broker: BrokerUnderTest, channel: RawChannel, dead: RawChannel
) -> None:
    channel.queue('last', DEAD)
    channel.queue('first', {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'last'})
    channel.put('first', b'body')
    reject(channel, 'first')
    tag = channel.await_get('last').tag

    channel.send(BasicReject(tag))

    message = dead.next_message()
    assert deaths(message) == [death('last', 'rejected'), death('first', 'rejected')]
    headers = {name: value for name, value in message.headers.items() if name != 'x-death'}
    assert headers == summary(broker, ('rejected', 'first', ''), ('rejected', 'last', ''))


def test_deaths_in_one_queue_differ_in_their_reasons(
    broker: BrokerUnderTest, channel: RawChannel, dead: RawChannel
) -> None:
    channel.exchange('dlx', 'fanout')
    channel.queue('work', {'x-message-ttl': 20 * SOON, 'x-dead-letter-exchange': 'dlx'})
    back = {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'work'}
    channel.queue('wait', {'x-message-ttl': 0, **back})
    channel.bind('wait', 'dlx')
    channel.bind('dead', 'dlx')
    channel.put('work', b'body')
    reject(channel, 'work')
    assert deaths(dead.next_message()) == [death('work', 'rejected')]

    between = death('wait', 'expired', exchange='dlx', routing_keys=['work'])
    rejected = death('work', 'rejected')
    # RabbitMQ 3 keeps the entries of a queue together.
    older = by_version(broker, {(3, 10): [rejected, between], (4, 0): [between, rejected]})
    assert deaths(dead.next_message()) == [death('work', 'expired'), *older]


def test_a_counted_entry_keeps_its_first_key(channel: RawChannel) -> None:
    channel.bind(
        channel.queue('q', {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'wait'}),
        'amq.topic',
        '#',
    )
    again = {'x-dead-letter-exchange': 'amq.topic', 'x-dead-letter-routing-key': 'two'}
    channel.queue('wait', again)
    channel.put('one', b'body', exchange='amq.topic')
    reject(channel, 'q')
    channel.reject(channel.await_get('wait').tag)
    channel.reject(channel.await_get('q').tag)

    message = channel.await_get('wait')

    assert deaths(message) == [
        death('q', 'rejected', count=2, exchange='amq.topic', routing_keys=['one']),
        death('wait', 'rejected'),
    ]


def test_the_types_of_the_headers(channel: RawChannel, dead: RawChannel) -> None:
    channel.queue('q', DEAD)
    channel.put('q', b'body')
    reject(channel, 'q')

    headers: Any = dead.next_message().properties.headers

    found = dict(headers)
    assert found[b'x-first-death-queue'] == (b'q', 'S')
    entries, letter = found[b'x-death']
    assert letter == 'A'
    ((entry, letter),) = entries
    assert letter == 'F'
    assert {name: letter for name, (_, letter) in entry} == {
        b'count': 'l', b'reason': 'S', b'queue': 'S', b'time': 'T', b'exchange': 'S',
        b'routing-keys': 'A',
    }  # fmt: skip


# -- circles


def test_an_expired_message_does_not_go_round_in_a_circle(channel: RawChannel) -> None:
    second = {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'q', 'x-message-ttl': 0}
    channel.queue('second', second)
    channel.queue(
        'q', {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'second',
              'x-message-ttl': 0}
    )  # fmt: skip
    channel.queue('third', {**DEAD, 'x-message-ttl': 5 * SOON})
    channel.queue('dead')
    channel.put('q', b'in a circle')
    channel.put('third', b'tick')

    assert channel.await_get('dead').body == b'tick'
    assert channel.count('q') == channel.count('second') == 0


def test_a_rejected_message_goes_round_in_a_circle(channel: RawChannel) -> None:
    channel.queue('q', {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'q'})
    channel.put('q', b'body')
    channel.consume('q')
    for count in (1, 2, 3):
        channel.reject(channel.next_message().tag)
        message = channel.next_message()
        assert deaths(message) == [death('q', 'rejected', count=count)]
        channel.reject(message.tag, requeue=True)


def test_a_circle_with_a_rejection_in_it_is_allowed(
    channel: RawChannel,
) -> None:
    channel.queue(
        'wait', {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'work',
                 'x-message-ttl': SOON}
    )  # fmt: skip
    channel.queue('work', {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'wait'})
    channel.put('work', b'body')
    channel.consume('work')
    for count in (1, 2):
        channel.reject(channel.next_message().tag)
        message = channel.next_message()
        assert deaths(message) == [
            death('wait', 'expired', count=count),
            death('work', 'rejected', count=count),
        ]
        channel.reject(message.tag, requeue=True)


# -- CC


def test_without_a_routing_key_cc_is_used_again(channel: RawChannel) -> None:
    channel.exchange('dlx', 'direct')
    channel.queue('q', {'x-dead-letter-exchange': 'dlx'})
    for key in ('q', 'copy', 'blind'):
        channel.bind(channel.queue(f'dead-{key}'), 'dlx', key)
    channel.put('q', b'body', headers={'CC': ['copy'], 'BCC': ['blind']})

    reject(channel, 'q')

    for key in ('q', 'copy'):
        message = channel.await_get(f'dead-{key}')
        assert (message.routing_key, message.headers['CC']) == ('q', ['copy'])
        assert deaths(message) == [death('q', 'rejected', routing_keys=['q', 'copy'])]
    assert channel.await_get('dead-blind').headers['CC'] == ['copy']


def test_with_a_routing_key_cc_is_not_used_again(
    broker: BrokerUnderTest, channel: RawChannel, dead: RawChannel
) -> None:
    channel.queue('q', DEAD)
    channel.queue('copy')
    channel.put('q', b'body', headers={'CC': ['copy']})
    assert channel.must_get('copy', no_ack=True).body == b'body'

    reject(channel, 'q')

    message = dead.next_message()
    assert ('CC' in message.headers) == (broker.version >= (4, 0))
    assert deaths(message) == [death('q', 'rejected', routing_keys=['q', 'copy'])]
    assert channel.get('copy') is None


# -- x-death of the publisher


@pytest.mark.parametrize('value', [5, 'text', [], {'queue': 'q'}], ids=str)
def test_an_x_death_that_is_none(channel: RawChannel, dead: RawChannel, value: Any) -> None:
    channel.queue('q', DEAD)
    channel.put('q', b'body', headers={'x-death': value})

    reject(channel, 'q')

    assert deaths(dead.next_message()) == [death('q', 'rejected')]
