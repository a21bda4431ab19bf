"""Consumers: tags, deliveries, cancelling, exclusiveness, order of turns."""

from __future__ import annotations

import re
from typing import Any

import pytest

from coolamqp.framing.definitions import (
    BasicCancel,
    BasicCancelOk,
    BasicConsume,
    BasicConsumeOk,
    BasicDeliver,
    QueueDelete,
)
from coolamqp.framing.properties import BasicContentPropertyList
from tests.behaviour.client import CAPABILITIES, RawChannel, RawConnection, eventually
from tests.behaviour.conftest import Connect
from tests.behaviour.texts import access_refused, invalid_argument, not_allowed, precondition_failed

GENERATED = rb'amq\.ctag-[A-Za-z0-9_-]{22}'
DELIVERIES_EACH = 3


# -- tags


def test_the_client_names_the_consumer(channel: RawChannel) -> None:
    channel.queue('q')

    assert channel.call(BasicConsume('q', 'my tag')) == BasicConsumeOk(b'my tag')


def test_the_broker_names_the_consumer(channel: RawChannel) -> None:
    channel.queue('q')
    tags = {channel.call(BasicConsume('q')).consumer_tag for _ in range(2)}

    assert len(tags) == 2
    assert all(re.fullmatch(GENERATED, tag) for tag in tags), tags


def test_a_tag_like_a_generated_one_is_accepted(channel: RawChannel) -> None:
    channel.queue('q')

    assert channel.consume('q', 'amq.ctag-mine') == 'amq.ctag-mine'


def test_a_tag_is_used_once_on_a_channel(channel: RawChannel) -> None:
    channel.queue('q')
    channel.consume('q', 'tag')

    assert channel.refused(BasicConsume('q', 'tag')) == not_allowed(
        "attempt to reuse consumer tag 'tag'"
    )


def test_two_channels_use_the_same_tag(connection: RawConnection, channel: RawChannel) -> None:
    channel.queue('q')
    channel.consume('q', 'tag')

    assert connection.channel().consume('q', 'tag') == 'tag'


def test_a_tag_can_be_used_again_after_cancelling(channel: RawChannel) -> None:
    channel.queue('q')
    channel.consume('q', 'tag')
    channel.cancel('tag')

    assert channel.consume('q', 'tag') == 'tag'


# -- deliveries


def test_a_delivery_has_all_of_the_message(channel: RawChannel) -> None:
    properties: dict[str, Any] = {
        'content_type': b'text/plain',
        'content_encoding': b'utf-8',
        'headers': {'text': 'ł', 'number': 5, 'list': [1, 'two']},
        'delivery_mode': 2,
        'priority': 3,
        'correlation_id': b'correlation',
        'reply_to': b'reply',
        'expiration': b'60000',
        'message_id': b'id',
        'timestamp': 1700000000,
        'type_': b'type',
        'user_id': b'guest',
        'app_id': b'app',
        'reserved': b'cluster',
    }
    channel.bind(channel.queue('q'), 'amq.topic', '#')
    channel.consume('q', 'tag')

    channel.publish(b'body', 'amq.topic', 'a.b', **properties)

    message = channel.next_message()
    assert message.method == BasicDeliver(b'tag', 1, False, b'amq.topic', b'a.b')
    assert message.body == b'body'
    assert message.headers == properties.pop('headers')
    assert {name: message.properties.get(name) for name in properties} == properties


def test_absent_properties_stay_absent(channel: RawChannel) -> None:
    channel.queue('q')
    channel.consume('q')

    channel.publish(b'', routing_key='q')

    assert channel.next_message().properties == BasicContentPropertyList()


@pytest.mark.parametrize(
    'value',
    [
        (5, 'b'), (200, 'B'), (-5, 's'), (5, 'I'), (1 << 40, 'l'), (1.5, 'd'), (True, 't'),
        (None, 'V'), (b'text', 'S'), (b'\xff\x00', 'S'), (b'\xff\x00', 'x'), (1700000000, 'T'),
        ([(1, 'I'), (b'a', 'S')], 'A'), ([(b'key', (1, 'I'))], 'F'),
    ],
    ids=str,
)  # fmt: skip
def test_headers_keep_values_and_types(channel: RawChannel, value: tuple[Any, str]) -> None:
    channel.queue('q')
    channel.consume('q')

    channel.publish(b'', routing_key='q', headers=[('key', value)])

    assert channel.next_message().properties.headers == [(b'key', value)]


def test_an_empty_body(channel: RawChannel) -> None:
    channel.queue('q')
    channel.consume('q')

    channel.publish(b'', routing_key='q')

    assert channel.next_message().body == b''


@pytest.mark.parametrize('size', [1, 131064, 131065, 1000000])
def test_bodies_of_many_sizes(channel: RawChannel, size: int) -> None:
    body = (b'0123456789abcdef' * (size // 16 + 1))[:size]
    channel.queue('q')
    channel.consume('q')

    channel.publish(body, routing_key='q')

    assert channel.next_message().body == body


def test_delivery_tags_count_on_the_channel(channel: RawChannel) -> None:
    channel.queue('a')
    channel.queue('b')
    channel.put('a', b'1', b'2')
    channel.must_get('a')
    channel.consume('a')
    assert channel.next_message().tag == 2

    channel.consume('b', no_ack=True)
    channel.put('b', b'3')
    assert channel.next_message().tag == 3


def test_deliveries_keep_the_order_of_publishing(channel: RawChannel) -> None:
    channel.queue('q')
    channel.consume('q', no_ack=True)
    bodies = [str(number).encode() for number in range(1000)]

    for body in bodies:
        channel.publish(body, routing_key='q')

    assert channel.next_bodies(1000) == bodies


def test_a_consumer_gets_the_messages_that_wait(channel: RawChannel) -> None:
    channel.queue('q')
    channel.put('q', b'1', b'2', b'3')

    tag = channel.consume('q')

    messages = channel.next_messages(3)
    assert [message.body for message in messages] == [b'1', b'2', b'3']
    assert {message.method.consumer_tag for message in messages} == {tag.encode()}


def test_consuming_with_no_wait_has_no_answer(channel: RawChannel) -> None:
    channel.queue('q')
    channel.send(BasicConsume('q', 'tag', no_wait=True))
    channel.expect_nothing('q')

    channel.publish(b'body', routing_key='q')

    assert channel.next_message().body == b'body'


def test_without_acknowledgements_nothing_is_kept(channel: RawChannel) -> None:
    channel.queue('q')
    channel.put('q', b'1', b'2')
    channel.consume('q', 'tag', no_ack=True)
    channel.next_messages(2)
    channel.cancel('tag')
    channel.put('q', b'3')
    channel.must_get('q')
    channel.close()

    # When the third message is back, the others would be too.
    assert channel.connection.channel().await_get('q').body == b'3'


def test_no_local_is_ignored(channel: RawChannel) -> None:
    channel.queue('q')
    channel.call(BasicConsume('q', no_local=True))

    channel.publish(b'own', routing_key='q')

    assert channel.next_message().body == b'own'


@pytest.mark.parametrize(('value', 'type_'), [('high', 'longstr'), (1.5, 'double'), (True, 'bool')])
def test_a_priority_that_is_no_integer(
    channel: RawChannel, vhost: str, value: Any, type_: str
) -> None:
    channel.queue('q')

    assert channel.refused(BasicConsume('q', arguments={'x-priority': value})) == invalid_argument(
        'x-priority', f'"expected integer, got {type_}"', vhost
    )


def test_an_argument_of_consumers_of_a_stream(channel: RawChannel, vhost: str) -> None:
    channel.queue('q')

    refused = channel.refused(BasicConsume('q', arguments={'x-stream-offset': 'first'}))

    assert refused == precondition_failed(
        f"invalid arg 'x-stream-offset' for queue 'q' in vhost '{vhost}' of queue type "
        'rabbit_classic_queue'
    )


def test_other_arguments_are_accepted(channel: RawChannel) -> None:
    channel.queue('q')

    channel.consume('q', arguments={'anything': [1, 2]})


# -- exclusive consumers


@pytest.mark.parametrize(('first', 'second'), [(True, False), (False, True), (True, True)])
def test_an_exclusive_consumer_is_the_only_one(
    channel: RawChannel, other_channel: RawChannel, vhost: str, first: bool, second: bool
) -> None:
    channel.queue('q')
    channel.consume('q', exclusive=first)

    assert other_channel.refused(BasicConsume('q', exclusive=second)) == access_refused(
        f"queue 'q' in vhost '{vhost}' in exclusive use"
    )


def test_an_exclusive_consumer_ends_when_it_is_cancelled(
    channel: RawChannel, other_channel: RawChannel
) -> None:
    channel.queue('q')
    channel.consume('q', 'tag', exclusive=True)
    channel.cancel('tag')

    other_channel.consume('q', exclusive=True)


def test_others_may_get_from_a_queue_with_an_exclusive_consumer(
    channel: RawChannel, other_channel: RawChannel
) -> None:
    channel.queue('q')
    channel.consume('q', exclusive=True)

    assert other_channel.get('q') is None


# -- turns


def test_consumers_take_turns(connection: RawConnection, channel: RawChannel) -> None:
    channel.queue('q')
    consumers = [connection.channel() for _ in range(3)]
    for consumer in consumers:
        consumer.consume('q', no_ack=True)

    channel.put('q', *(str(number).encode() for number in range(3 * DELIVERIES_EACH)))

    taken = [[int(body) for body in each.next_bodies(DELIVERIES_EACH)] for each in consumers]
    assert sorted(map(sorted, taken)) == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]


def test_a_consumer_at_its_limit_is_left_out(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.queue('q')
    busy, idle = connection.channel(), connection.channel()
    busy.qos(1)
    busy.consume('q')
    channel.put('q', b'1')
    busy.next_message()
    idle.consume('q', no_ack=True)

    channel.put('q', b'2', b'3', b'4')

    assert idle.next_bodies(3) == [b'2', b'3', b'4']
    busy.expect_nothing('q')


# -- cancelling


def test_cancelling(channel: RawChannel) -> None:
    channel.queue('q')
    channel.consume('q', 'tag')

    assert channel.call(BasicCancel('tag')) == BasicCancelOk(b'tag')
    channel.put('q', b'body')
    channel.expect_nothing('q')
    assert channel.state('q').message_count == 1
    assert channel.state('q').consumer_count == 0


def test_cancelling_a_consumer_that_does_not_exist(channel: RawChannel) -> None:
    assert channel.call(BasicCancel('nobody')) == BasicCancelOk(b'nobody')


def test_cancelling_with_no_wait_has_no_answer(channel: RawChannel) -> None:
    channel.queue('q')
    channel.consume('q', 'tag')

    channel.send(BasicCancel('tag', no_wait=True))

    channel.expect_nothing('q')
    assert channel.state('q').consumer_count == 0


def test_unacknowledged_messages_outlive_the_consumer(channel: RawChannel) -> None:
    channel.queue('q')
    channel.put('q', b'1', b'2')
    channel.consume('q', 'tag')
    first, second = channel.next_messages(2)
    channel.cancel('tag')
    assert channel.count('q') == 0

    channel.ack(first.tag)
    channel.reject(second.tag, requeue=True)

    assert channel.bodies('q') == [b'2']


def test_deleting_the_queue_cancels_its_consumers(
    channel: RawChannel, other_channel: RawChannel
) -> None:
    channel.queue('q')
    channel.consume('q', 'tag')

    other_channel.call(QueueDelete('q'))

    assert channel.expect(BasicCancel) == BasicCancel(b'tag', no_wait=True)


def test_the_broker_does_not_tell_a_client_without_the_capability(
    connect: Connect, channel: RawChannel
) -> None:
    old = connect(capabilities={**CAPABILITIES, 'consumer_cancel_notify': False}).channel()
    channel.queue('q')
    old.consume('q', 'old')
    channel.consume('q', 'new')

    old.call(QueueDelete('q'))

    assert channel.expect(BasicCancel).consumer_tag == b'new'
    old.expect_nothing()


def test_closing_the_channel_cancels_its_consumers(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.queue('q')
    second = connection.channel()
    second.consume('q')
    assert channel.state('q').consumer_count == 1

    second.close()

    eventually(lambda: channel.state('q').consumer_count == 0, 'no consumer')


def test_a_queue_may_be_deleted_by_its_consumer(channel: RawChannel) -> None:
    channel.queue('q')
    channel.consume('q', 'tag')

    assert channel.call(QueueDelete('q')).message_count == 0
    assert channel.expect(BasicCancel).consumer_tag == b'tag'
