"""Fetching single messages with basic.get."""

from __future__ import annotations

from coolamqp.framing.definitions import BasicGet, BasicGetEmpty, BasicGetOk
from tests.behaviour.client import RawChannel, RawConnection, eventually


def test_an_empty_queue(channel: RawChannel) -> None:
    channel.queue('q')

    assert channel.call(BasicGet('q')) == BasicGetEmpty()


def test_the_answer_has_all_of_the_message(channel: RawChannel) -> None:
    channel.bind(channel.queue('q'), 'amq.topic', '#')
    channel.put('a.b', b'1', b'2', b'3', exchange='amq.topic', message_id='id', headers={'a': 1})

    message = channel.must_get('q')

    assert message.method == BasicGetOk(1, False, b'amq.topic', b'a.b', 2)
    assert message.body == b'1'
    assert message.properties.message_id == b'id'
    assert message.headers == {'a': 1}


def test_the_count_is_that_of_the_messages_that_remain(channel: RawChannel) -> None:
    channel.put(channel.queue('q'), b'1', b'2', b'3')

    assert [channel.must_get('q').method.message_count for _ in range(3)] == [2, 1, 0]


def test_unacknowledged_messages_stay(connection: RawConnection, channel: RawChannel) -> None:
    channel.put(channel.queue('q'), b'1', b'2')
    channel.must_get('q')
    channel.close()
    fresh = connection.channel()
    eventually(lambda: fresh.count('q') == 2, 'both messages in the queue')

    again = fresh.must_get('q')

    assert (again.body, again.redelivered) == (b'1', True)
    assert again.method.message_count == 1


def test_without_acknowledgement_a_message_is_gone(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.put(channel.queue('q'), b'1', b'2')
    assert channel.must_get('q', no_ack=True).body == b'1'
    assert channel.must_get('q').body == b'2'
    channel.close()

    # When the second message is back, the first would be too.
    assert connection.channel().await_get('q').body == b'2'


def test_the_last_declared_queue(channel: RawChannel) -> None:
    channel.put(channel.queue('q'), b'body')

    assert channel.must_get('').body == b'body'


def test_two_channels_get_different_messages(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.put(channel.queue('q'), b'1', b'2')
    second = connection.channel()

    assert [channel.must_get('q').body, second.must_get('q').body] == [b'1', b'2']
    assert channel.get('q') is None
