"""Direct reply-to: answers without a queue."""

from __future__ import annotations

import pytest

from coolamqp.framing.definitions import (
    BasicCancel,
    BasicCancelOk,
    BasicConsume,
    BasicGet,
    QueueBind,
    QueueDeclare,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
)
from coolamqp.framing.method import Method
from tests.behaviour.brokers import BrokerUnderTest
from tests.behaviour.client import RawChannel, RawConnection
from tests.behaviour.texts import missing_queue, precondition_failed

REPLY_TO = 'amq.rabbitmq.reply-to'


@pytest.fixture
def server(channel: RawChannel, other_channel: RawChannel) -> RawChannel:
    """A channel of another connection that consumes requests from the queue `q`."""
    other_channel.queue('q')
    other_channel.consume('q', no_ack=True)
    return other_channel


def test_a_request_and_its_reply(channel: RawChannel, server: RawChannel) -> None:
    tag = channel.consume(REPLY_TO, no_ack=True)
    channel.publish(b'request', '', 'q', reply_to=REPLY_TO, correlation_id='1')
    request = server.next_message()
    address = request.properties.reply_to
    assert isinstance(address, bytes)
    assert address.startswith(b'amq.rabbitmq.reply-to.')

    server.publish(b'reply', '', address.decode(), correlation_id='1')

    reply = channel.next_message()
    assert reply.body == b'reply'
    assert reply.properties.correlation_id == b'1'
    assert reply.method.consumer_tag == tag.encode()
    assert (reply.exchange, reply.routing_key) == ('', address.decode())
    assert (reply.tag, reply.redelivered) == (1, False)


def test_several_replies_in_their_order(channel: RawChannel, server: RawChannel) -> None:
    channel.consume(REPLY_TO, no_ack=True)
    channel.publish(b'request', '', 'q', reply_to=REPLY_TO)
    address = server.next_message().properties.reply_to
    assert isinstance(address, bytes)

    for body in (b'1', b'2', b'3'):
        server.publish(body, '', address.decode())

    assert channel.next_bodies(3) == [b'1', b'2', b'3']


def test_all_requests_of_a_channel_have_one_address(
    channel: RawChannel, server: RawChannel
) -> None:
    channel.consume(REPLY_TO, no_ack=True)
    for _ in range(2):
        channel.publish(b'', '', 'q', reply_to=REPLY_TO)

    first, second = server.next_messages(2)

    assert first.properties.reply_to == second.properties.reply_to


def test_channels_have_different_addresses(
    connection: RawConnection, channel: RawChannel, server: RawChannel
) -> None:
    for each in (channel, connection.channel()):
        each.consume(REPLY_TO, no_ack=True)
        each.publish(b'', '', 'q', reply_to=REPLY_TO)

    first, second = server.next_messages(2)

    assert first.properties.reply_to != second.properties.reply_to


def test_only_the_name_of_the_pseudo_queue_is_replaced(
    channel: RawChannel, server: RawChannel
) -> None:
    channel.consume(REPLY_TO, no_ack=True)

    channel.publish(b'', '', 'q', reply_to='mine')

    assert server.next_message().properties.reply_to == b'mine'


def test_consuming_needs_no_ack(channel: RawChannel) -> None:
    assert channel.refused(BasicConsume(REPLY_TO)) == precondition_failed(
        'reply consumer cannot acknowledge'
    )


def test_a_channel_has_one_consumer_of_replies(channel: RawChannel) -> None:
    channel.consume(REPLY_TO, no_ack=True)

    assert channel.refused(BasicConsume(REPLY_TO, 'second', no_ack=True)) == precondition_failed(
        'reply consumer already set'
    )


def test_a_request_without_a_consumer_of_replies(channel: RawChannel) -> None:
    channel.queue('q')

    assert channel.refused_publish(b'', '', 'q', reply_to=REPLY_TO) == precondition_failed(
        'fast reply consumer does not exist'
    )


def test_another_consumer_after_cancelling(channel: RawChannel, server: RawChannel) -> None:
    tag = channel.consume(REPLY_TO, no_ack=True)
    assert channel.call(BasicCancel(tag)) == BasicCancelOk(tag.encode())
    channel.consume(REPLY_TO, 'second', no_ack=True)
    channel.publish(b'', '', 'q', reply_to=REPLY_TO)
    address = server.next_message().properties.reply_to
    assert isinstance(address, bytes)

    server.publish(b'reply', '', address.decode())

    assert channel.next_message().method.consumer_tag == b'second'


@pytest.mark.parametrize('key', [REPLY_TO, f'{REPLY_TO}.nobody'])
def test_a_reply_to_nobody_is_dropped_or_returned(channel: RawChannel, key: str) -> None:
    channel.publish(b'reply', '', key)
    channel.expect_nothing()

    channel.publish(b'reply', '', key, mandatory=True)

    assert channel.expect_return().routing_key == key


def test_a_mandatory_reply_is_delivered_and_may_be_returned_too(
    broker: BrokerUnderTest, channel: RawChannel, server: RawChannel
) -> None:
    channel.consume(REPLY_TO, no_ack=True)
    channel.publish(b'', '', 'q', reply_to=REPLY_TO)
    address = server.next_message().properties.reply_to
    assert isinstance(address, bytes)

    server.publish(b'reply', '', address.decode(), mandatory=True)

    assert channel.next_message().body == b'reply'
    # The embedded broker does as RabbitMQ 4.3.
    if broker.version < (4, 3) and broker.kind == 'rabbitmq':
        assert server.expect_return().body == b'reply'
    server.expect_nothing()


def test_a_mandatory_reply_after_the_requester_has_gone(
    broker: BrokerUnderTest, channel: RawChannel, server: RawChannel
) -> None:
    channel.consume(REPLY_TO, no_ack=True)
    channel.publish(b'', '', 'q', reply_to=REPLY_TO)
    address = server.next_message().properties.reply_to
    assert isinstance(address, bytes)
    channel.close()

    server.publish(b'reply', '', address.decode(), mandatory=True)

    # RabbitMQ 4.3 believes the address, and does not look whether the channel is there.
    if broker.version < (4, 3):
        assert server.expect_return().body == b'reply'
    server.expect_nothing()


def test_a_server_can_ask_whether_the_requester_is_there(
    channel: RawChannel, server: RawChannel, other_connection: RawConnection, vhost: str
) -> None:
    channel.consume(REPLY_TO, no_ack=True)
    channel.publish(b'', '', 'q', reply_to=REPLY_TO)
    address = server.next_message().properties.reply_to
    assert isinstance(address, bytes)
    assert server.state(address.decode()).queue == address

    channel.close()

    asking = other_connection.channel()
    assert asking.refused(QueueDeclare(address, passive=True)) == missing_queue(
        address.decode(), vhost
    )


def test_a_reply_is_confirmed(channel: RawChannel, server: RawChannel) -> None:
    channel.consume(REPLY_TO, no_ack=True)
    channel.publish(b'', '', 'q', reply_to=REPLY_TO)
    address = server.next_message().properties.reply_to
    assert isinstance(address, bytes)

    server.put(address.decode(), b'reply')

    assert channel.next_message().body == b'reply'


def test_the_pseudo_queue_can_be_declared_and_deleted_in_vain(channel: RawChannel) -> None:
    for passive in (False, True):
        answer = channel.call(QueueDeclare(REPLY_TO, passive=passive))
        assert (answer.queue, answer.message_count, answer.consumer_count) == (
            REPLY_TO.encode(), 0, 1,
        )  # fmt: skip
    assert channel.call(QueueDelete(REPLY_TO)) == QueueDeleteOk(0)


@pytest.mark.parametrize(
    'method',
    [QueuePurge(REPLY_TO), BasicGet(REPLY_TO), QueueBind(REPLY_TO, 'amq.direct')],
    ids=lambda method: str(method.NAME),
)
def test_the_pseudo_queue_is_no_queue(channel: RawChannel, vhost: str, method: Method) -> None:
    assert channel.refused(method) == missing_queue(REPLY_TO, vhost)
