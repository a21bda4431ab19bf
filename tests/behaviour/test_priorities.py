"""Priorities: of messages, of consumers, and the single active consumer."""

from __future__ import annotations

import pytest

from coolamqp.framing.definitions import BasicConsume, QueueDelete
from tests.behaviour.client import RawChannel, RawConnection
from tests.behaviour.texts import access_refused

# -- messages


def test_higher_priorities_come_first(channel: RawChannel) -> None:
    channel.queue('q', {'x-max-priority': 5})
    for priority in (1, 3, 5, 2, 4, 0):
        channel.put('q', str(priority).encode(), priority=priority)

    assert channel.bodies('q') == [b'5', b'4', b'3', b'2', b'1', b'0']


def test_equal_priorities_keep_their_order(channel: RawChannel) -> None:
    channel.queue('q', {'x-max-priority': 2})
    for body, priority in ((b'a', 1), (b'b', 2), (b'c', 1), (b'd', 2)):
        channel.put('q', body, priority=priority)

    assert channel.bodies('q') == [b'b', b'd', b'a', b'c']


def test_priorities_above_the_highest_count_as_the_highest(channel: RawChannel) -> None:
    channel.queue('q', {'x-max-priority': 2})
    for body, priority in ((b'a', 1), (b'b', 2), (b'c', 200), (b'd', 2)):
        channel.put('q', body, priority=priority)

    message = channel.must_get('q', no_ack=True)
    assert message.body == b'b'
    message = channel.must_get('q', no_ack=True)
    assert (message.body, message.properties.priority) == (b'c', 200)
    assert channel.bodies('q') == [b'd', b'a']


def test_no_priority_is_the_lowest(channel: RawChannel) -> None:
    channel.queue('q', {'x-max-priority': 2})
    channel.put('q', b'none')
    channel.put('q', b'one', priority=1)
    channel.put('q', b'zero', priority=0)

    assert channel.bodies('q') == [b'one', b'none', b'zero']


def test_a_queue_without_the_argument_ignores_priorities(channel: RawChannel) -> None:
    channel.queue('q')
    for body, priority in ((b'a', 1), (b'b', 9), (b'c', 5)):
        channel.put('q', body, priority=priority)

    assert channel.bodies('q') == [b'a', b'b', b'c']


def test_a_requeued_message_keeps_its_priority(channel: RawChannel) -> None:
    channel.queue('q', {'x-max-priority': 5})
    channel.put('q', b'high', priority=5)
    channel.put('q', b'low', priority=1)
    message = channel.must_get('q')

    channel.reject(message.tag, requeue=True)

    assert channel.bodies('q') == [b'high', b'low']


def test_a_consumer_gets_high_priorities_first(channel: RawChannel) -> None:
    channel.queue('q', {'x-max-priority': 5})
    for priority in (1, 3, 2):
        channel.put('q', str(priority).encode(), priority=priority)

    channel.consume('q')

    assert channel.next_bodies(3) == [b'3', b'2', b'1']


def test_the_length_of_a_queue_with_priorities(channel: RawChannel) -> None:
    channel.queue('q', {'x-max-priority': 5, 'x-max-length': 2})
    for priority in (3, 1, 2):
        channel.put('q', str(priority).encode(), priority=priority)

    # The message at the head is dropped: that of the highest priority.
    assert channel.bodies('q') == [b'2', b'1']


def test_the_count_is_that_of_all_priorities(channel: RawChannel) -> None:
    channel.queue('q', {'x-max-priority': 5})
    for priority in (3, 1, 2):
        channel.put('q', b'', priority=priority)

    assert channel.count('q') == 3


# -- consumers


@pytest.fixture
def consumers(connection: RawConnection, channel: RawChannel) -> list[RawChannel]:
    """Three consumers of the queue `q` with the priorities -1, 0 (by default) and 5."""
    channel.queue('q')
    channels = [connection.channel() for _ in range(3)]
    for each, arguments in zip(channels, ({'x-priority': -1}, {}, {'x-priority': 5}), strict=True):
        each.qos(2)
        each.consume('q', arguments=arguments)
    return channels


def test_the_consumer_of_the_highest_priority_gets_all(
    channel: RawChannel, consumers: list[RawChannel]
) -> None:
    channel.put('q', b'1', b'2')

    assert consumers[2].next_bodies(2) == [b'1', b'2']
    for each in consumers:
        each.expect_nothing('q')


def test_the_next_priority_gets_what_is_too_much(
    channel: RawChannel, consumers: list[RawChannel]
) -> None:
    channel.put('q', b'1', b'2', b'3', b'4', b'5')

    assert consumers[2].next_bodies(2) == [b'1', b'2']
    assert consumers[1].next_bodies(2) == [b'3', b'4']
    assert consumers[0].next_bodies(1) == [b'5']


def test_the_highest_priority_is_served_again(
    channel: RawChannel, consumers: list[RawChannel]
) -> None:
    channel.put('q', b'1', b'2', b'3')
    first, second = consumers[2].next_messages(2)
    consumers[1].next_message()
    consumers[2].ack(second.tag, multiple=True)
    consumers[2].expect_nothing('q')

    channel.put('q', b'4')

    assert first.body == b'1'
    assert consumers[2].next_message().body == b'4'


# -- the single active consumer


@pytest.fixture
def single(connection: RawConnection, channel: RawChannel) -> list[RawChannel]:
    """Two consumers of the queue `q`, which serves one at a time; the first has the tag `a`."""
    channel.queue('q', {'x-single-active-consumer': True})
    channels = [connection.channel(), connection.channel()]
    for tag, each in zip('ab', channels, strict=True):
        each.consume('q', tag)
    return channels


def test_the_first_consumer_is_the_active_one(
    channel: RawChannel, single: list[RawChannel]
) -> None:
    channel.put('q', b'1', b'2', b'3')

    assert single[0].next_bodies(3) == [b'1', b'2', b'3']
    single[1].expect_nothing('q')


def test_the_other_consumer_is_counted(channel: RawChannel, single: list[RawChannel]) -> None:
    assert channel.state('q').consumer_count == 2


def test_the_other_consumer_follows_after_cancelling(
    channel: RawChannel, single: list[RawChannel]
) -> None:
    channel.put('q', b'1')
    single[0].next_message()
    single[0].cancel('a')

    channel.put('q', b'2')

    assert single[1].next_message().body == b'2'


def test_the_other_consumer_follows_after_the_channel_has_closed(
    channel: RawChannel, single: list[RawChannel]
) -> None:
    channel.put('q', b'1')
    single[0].next_message()

    single[0].close()

    message = single[1].next_message()
    assert (message.body, message.redelivered) == (b'1', True)


def test_an_active_consumer_at_its_limit_stays_the_only_one(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.queue('q', {'x-single-active-consumer': True})
    channel.qos(1)
    channel.consume('q')
    other = connection.channel()
    other.consume('q')

    channel.put('q', b'1', b'2')

    assert channel.next_message().body == b'1'
    channel.expect_nothing('q')
    other.expect_nothing('q')


def test_an_exclusive_consumer_of_a_queue_that_serves_one(channel: RawChannel, vhost: str) -> None:
    channel.queue('q', {'x-single-active-consumer': True})

    assert channel.refused(BasicConsume('q', exclusive=True)) == access_refused(
        f"queue 'q' in vhost '{vhost}' in exclusive use"
    )


def test_a_higher_priority_does_not_replace_the_active_consumer(
    connection: RawConnection, channel: RawChannel, single: list[RawChannel]
) -> None:
    important = connection.channel()
    important.consume('q', arguments={'x-priority': 10})

    channel.put('q', b'1')

    assert single[0].next_message().body == b'1'
    important.expect_nothing('q')
    channel.call(QueueDelete('q'))
