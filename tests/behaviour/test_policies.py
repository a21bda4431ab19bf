"""Policies: limits and exchanges that an operator sets by pattern."""

from __future__ import annotations

from typing import Any

import pytest

from tests.behaviour.brokers import BrokerUnderTest
from tests.behaviour.client import RawChannel, eventually

SOON = 10  # milliseconds
LONG = 60000
TO_DEAD = {'dead-letter-exchange': '', 'dead-letter-routing-key': 'dead'}


@pytest.fixture
def dead(channel: RawChannel) -> RawChannel:
    """A consumer of the queue `dead` on a channel of its own."""
    channel.queue('dead')
    consumer = channel.connection.channel()
    consumer.consume('dead', no_ack=True)
    return consumer


def put_three(channel: RawChannel, queue: str) -> list[bytes]:
    """Put three messages into a queue; return what is in it then."""
    channel.put(queue, b'1', b'2', b'3')
    return channel.bodies(queue)


# -- keys


def test_max_length(broker: BrokerUnderTest, channel: RawChannel, vhost: str) -> None:
    broker.set_policy(vhost, 'p', '^q', {'max-length': 2})

    assert put_three(channel, channel.queue('q')) == [b'2', b'3']
    assert put_three(channel, channel.queue('other')) == [b'1', b'2', b'3']


def test_max_length_bytes(broker: BrokerUnderTest, channel: RawChannel, vhost: str) -> None:
    broker.set_policy(vhost, 'p', '^q', {'max-length-bytes': 1})

    assert put_three(channel, channel.queue('q')) == [b'3']


def test_overflow(broker: BrokerUnderTest, channel: RawChannel, vhost: str) -> None:
    broker.set_policy(vhost, 'p', '^q', {'max-length': 1, 'overflow': 'reject-publish'})
    channel.queue('q')
    channel.confirm()

    for body in (b'1', b'2'):
        channel.publish(body, routing_key='q')

    assert channel.await_confirms() == {2}
    assert channel.bodies('q') == [b'1']


def test_message_ttl_and_dead_letter_exchange(
    broker: BrokerUnderTest, channel: RawChannel, dead: RawChannel, vhost: str
) -> None:
    broker.set_policy(vhost, 'p', '^q', {'message-ttl': SOON, **TO_DEAD})
    channel.queue('q')

    channel.publish(b'body', routing_key='q')

    message = dead.next_message()
    assert (message.body, message.routing_key) == (b'body', 'dead')


def test_expires(broker: BrokerUnderTest, channel: RawChannel, vhost: str) -> None:
    broker.set_policy(vhost, 'p', '^q', {'expires': SOON})
    channel.queue('q')

    def gone() -> bool:
        asking = channel.connection.channel()
        asking.publish(b'', '', 'q', mandatory=True)
        asking.publish(b'', '', 'never there', mandatory=True)
        return asking.expect_return().routing_key == 'q'

    eventually(gone, 'the end of the queue')


def test_alternate_exchange(broker: BrokerUnderTest, channel: RawChannel, vhost: str) -> None:
    broker.set_policy(vhost, 'p', '^e', {'alternate-exchange': 'amq.fanout'}, 'exchanges')
    channel.bind(channel.queue('rest'), 'amq.fanout')
    channel.exchange('e')

    channel.put('unknown', b'body', exchange='e')

    assert channel.bodies('rest') == [b'body']


def test_a_policy_is_no_argument(broker: BrokerUnderTest, channel: RawChannel, vhost: str) -> None:
    broker.set_policy(vhost, 'p', '^q', {'max-length': 2})

    channel.queue('q')
    channel.queue('q')


# -- when it is in force


def test_a_policy_concerns_existing_queues(
    broker: BrokerUnderTest, channel: RawChannel, vhost: str
) -> None:
    channel.put(channel.queue('q'), b'1', b'2', b'3')

    broker.set_policy(vhost, 'p', '^q', {'max-length': 1})

    assert eventually(lambda: channel.count('q') == 1, 'the queue is shortened')
    assert channel.bodies('q') == [b'3']


def test_a_changed_policy(broker: BrokerUnderTest, channel: RawChannel, vhost: str) -> None:
    broker.set_policy(vhost, 'p', '^q', {'max-length': 1})
    channel.queue('q')

    broker.set_policy(vhost, 'p', '^q', {'max-length': 2})

    assert put_three(channel, 'q') == [b'2', b'3']


def test_a_deleted_policy(broker: BrokerUnderTest, channel: RawChannel, vhost: str) -> None:
    broker.set_policy(vhost, 'p', '^q', {'max-length': 1})
    channel.queue('q')

    broker.clear_policy(vhost, 'p')

    assert put_three(channel, 'q') == [b'1', b'2', b'3']


def test_a_policy_concerns_messages_that_are_there(
    broker: BrokerUnderTest, channel: RawChannel, dead: RawChannel, vhost: str
) -> None:
    channel.put(channel.queue('q'), b'body')
    broker.set_policy(vhost, 'p', '^q', TO_DEAD)

    channel.reject(channel.must_get('q').tag)

    assert dead.next_message().body == b'body'


# -- which policy


@pytest.mark.parametrize('first', ['low', 'high'])
def test_the_policy_of_the_highest_priority_holds(
    broker: BrokerUnderTest, channel: RawChannel, vhost: str, first: str
) -> None:
    lengths = {'low': 1, 'high': 2}
    for name in sorted(lengths, key=lambda each: each != first):
        priority = 10 if name == 'high' else 5
        broker.set_policy(vhost, name, '^q', {'max-length': lengths[name]}, priority=priority)

    assert put_three(channel, channel.queue('q')) == [b'2', b'3']


def test_policies_are_not_merged(broker: BrokerUnderTest, channel: RawChannel, vhost: str) -> None:
    broker.set_policy(vhost, 'low', '^q', {'max-length': 1}, priority=1)
    broker.set_policy(vhost, 'high', '^q', {'message-ttl': LONG}, priority=2)

    assert put_three(channel, channel.queue('q')) == [b'1', b'2', b'3']


@pytest.mark.parametrize(
    ('apply_to', 'shortened'),
    [('queues', True), ('all', True), ('exchanges', False), ('classic_queues', True),
     ('quorum_queues', False)],
)  # fmt: skip
def test_what_a_policy_applies_to(
    broker: BrokerUnderTest, channel: RawChannel, vhost: str, apply_to: str, shortened: bool
) -> None:
    if apply_to.endswith('_queues') and broker.version < (4, 0):
        pytest.skip('RabbitMQ 3.10 does not know types of queues here')
    definition: dict[str, Any] = {'max-length': 1}
    if apply_to == 'exchanges':
        definition = {'alternate-exchange': 'amq.fanout'}
    broker.set_policy(vhost, 'p', '.*', definition, apply_to)

    kept = [b'3'] if shortened else [b'1', b'2', b'3']
    assert put_three(channel, channel.queue('q')) == kept


@pytest.mark.parametrize(
    ('pattern', 'matches'), [('q', True), ('^q$', True), ('^x', False), ('', True), ('Q', False)]
)
def test_the_pattern_is_searched_in_the_name(
    broker: BrokerUnderTest, channel: RawChannel, vhost: str, pattern: str, matches: bool
) -> None:
    broker.set_policy(vhost, 'p', pattern, {'max-length': 1})

    kept = [b'3'] if matches else [b'1', b'2', b'3']
    assert put_three(channel, channel.queue('q')) == kept


def test_a_policy_is_that_of_its_virtual_host(broker: BrokerUnderTest, channel: RawChannel) -> None:
    broker.add_vhost('behaviour-policies')
    try:
        broker.set_policy('behaviour-policies', 'p', '.*', {'max-length': 1})

        assert put_three(channel, channel.queue('q')) == [b'1', b'2', b'3']
    finally:
        broker.delete_vhost('behaviour-policies')


# -- with arguments


@pytest.mark.parametrize(('argument', 'policy'), [(1, 2), (2, 1)])
def test_the_lower_number_holds(
    broker: BrokerUnderTest, channel: RawChannel, vhost: str, argument: int, policy: int
) -> None:
    broker.set_policy(vhost, 'p', '^q', {'max-length': policy})
    channel.queue('q', {'x-max-length': argument})

    assert put_three(channel, 'q') == [b'3']


@pytest.mark.parametrize(('argument', 'policy'), [(SOON, LONG), (LONG, SOON)])
def test_the_lower_time_holds(
    broker: BrokerUnderTest,
    channel: RawChannel,
    dead: RawChannel,
    vhost: str,
    argument: int,
    policy: int,
) -> None:
    broker.set_policy(vhost, 'p', '^q', {'message-ttl': policy, **TO_DEAD})
    channel.queue('q', {'x-message-ttl': argument})

    channel.publish(b'body', routing_key='q')

    assert dead.next_message().body == b'body'


def test_an_argument_holds_where_there_is_no_lower_one(
    broker: BrokerUnderTest, channel: RawChannel, dead: RawChannel, vhost: str
) -> None:
    channel.queue('ignored')
    broker.set_policy(
        vhost, 'p', '^q', {'dead-letter-exchange': '', 'dead-letter-routing-key': 'ignored'}
    )
    arguments = {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead'}
    channel.put(channel.queue('q', arguments), b'body')

    channel.reject(channel.must_get('q').tag)

    assert dead.next_message().body == b'body'


def test_the_overflow_of_the_argument_holds(
    broker: BrokerUnderTest, channel: RawChannel, vhost: str
) -> None:
    broker.set_policy(vhost, 'p', '^q', {'max-length': 1, 'overflow': 'reject-publish'})
    channel.queue('q', {'x-overflow': 'drop-head'})

    assert put_three(channel, 'q') == [b'3']


def test_the_alternate_of_the_argument_holds(
    broker: BrokerUnderTest, channel: RawChannel, vhost: str
) -> None:
    broker.set_policy(vhost, 'p', '^e', {'alternate-exchange': 'missing'}, 'exchanges')
    channel.bind(channel.queue('rest'), 'amq.fanout')
    channel.exchange('e', 'direct', {'alternate-exchange': 'amq.fanout'})

    channel.put('unknown', b'body', exchange='e')

    assert channel.bodies('rest') == [b'body']
