"""The calls of a channel, with CoolAMQP and with py-amqp: the results are the same."""

from __future__ import annotations

from typing import Any

import kombu
import pytest
from amqp import exceptions

from tests.kombu.conftest import TIMEOUT, Connect, drain, get, publish

pytestmark = pytest.mark.integration


def test_declare_bind_and_unbind(channel: Any) -> None:
    channel.exchange_declare('events', 'topic', auto_delete=False)
    declared = channel.queue_declare('log', auto_delete=False)
    channel.queue_bind('log', 'events', 'order.*')

    channel.basic_publish(channel.prepare_message(b'one'), 'events', 'order.new')
    channel.queue_unbind('log', 'events', 'order.*')
    channel.basic_publish(channel.prepare_message(b'two'), 'events', 'order.new')

    assert tuple(declared) == ('log', 0, 0)
    assert declared.queue == 'log'
    assert channel.queue_purge('log') == 1
    assert channel.queue_delete('log') == 0
    channel.exchange_delete('events')


def test_bindings_between_exchanges(channel: Any, queue: Any) -> None:
    channel.exchange_declare('source', 'direct', durable=False)
    channel.exchange_declare('target', 'fanout', durable=False)
    channel.queue_bind(queue.name, 'target')
    channel.exchange_bind('target', 'source', 'key')
    channel.basic_publish(channel.prepare_message(b'bound'), 'source', 'key')
    channel.exchange_unbind('target', 'source', 'key')

    assert get(queue).body == b'bound'


def test_a_queue_may_get_its_name_from_the_broker(channel: Any) -> None:
    name, messages, consumers = channel.queue_declare('', exclusive=True)

    assert name.startswith('amq.gen-')
    assert (messages, consumers) == (0, 0)


def test_kombu_gives_queues_the_arguments_of_rabbitmq(channel: Any) -> None:
    queue = kombu.Queue(
        'limited', durable=False, exclusive=True, max_length=2, message_ttl=60, expires=60
    )(channel)
    queue.declare()
    publish(channel, queue, *'abc')

    assert [get(queue).payload for _ in range(2)] == ['b', 'c']


@pytest.mark.parametrize('nowait', [False, True])
def test_calls_need_not_wait(channel: Any, nowait: bool) -> None:
    channel.exchange_declare('quick', 'direct', durable=False, nowait=nowait)
    channel.queue_declare('quick', exclusive=True, nowait=nowait)
    channel.queue_bind('quick', 'quick', 'key', nowait=nowait)
    channel.basic_publish(channel.prepare_message(b'soon'), 'quick', 'key')
    channel.queue_purge('quick', nowait=nowait)
    received: list[Any] = []
    channel.basic_consume('quick', 'me', callback=received.append, nowait=nowait)
    channel.basic_publish(channel.prepare_message(b'now'), 'quick', 'key')

    drain(channel.connection.client, lambda: received)

    assert b'now' in [message.body for message in received]
    channel.basic_cancel('me', nowait=nowait)


def test_a_consumer_without_a_tag_gets_one(channel: Any, queue: Any) -> None:
    tag = channel.basic_consume(queue.name, callback=print)

    assert tag
    assert list(channel.callbacks) == [tag]
    with pytest.raises(ValueError, match='nowait'):
        channel.basic_consume(queue.name, callback=print, nowait=True)


def test_get(channel: Any, queue: Any) -> None:
    publish(channel, queue, {'number': 1}, 'two', headers={'a': [1, None, {'b': 'c'}]})

    first = queue.get()
    info = dict(first.delivery_info)
    tag = info.pop('delivery_tag')
    info.pop('consumer_tag', None)  # py-amqp has none, and CoolAMQP an empty one
    assert info == {
        'exchange': '',
        'routing_key': queue.name,
        'redelivered': False,
        'message_count': 1,
    }
    assert tag == first.delivery_tag
    assert first.payload == {'number': 1}
    assert first.headers == {'a': [1, None, {'b': 'c'}]}
    assert get(queue).payload == 'two'
    assert queue.get() is None


def test_consume_acknowledge_requeue_and_reject(channel: Any, queue: Any) -> None:
    publish(channel, queue, 'acked', 'requeued', 'rejected')
    received: list[tuple[str, bool]] = []

    def on_message(body: str, message: Any) -> None:
        received.append((body, message.delivery_info['redelivered']))
        if body == 'acked':
            message.ack()
        elif body == 'requeued' and not message.delivery_info['redelivered']:
            message.requeue()
        else:
            message.reject()

    with kombu.Consumer(channel, [queue], callbacks=[on_message]):
        drain(channel.connection.client, lambda: len(received) == 4)

    assert sorted(received) == [
        ('acked', False), ('rejected', False), ('requeued', False), ('requeued', True),
    ]  # fmt: skip
    assert queue.queue_declare(passive=True).message_count == 0


def test_the_prefetch_count_limits_deliveries(channel: Any, queue: Any) -> None:
    publish(channel, queue, *range(5))
    received: list[Any] = []
    with kombu.Consumer(channel, [queue], on_message=received.append, prefetch_count=2):
        drain(channel.connection.client, lambda: len(received) == 2)
        with pytest.raises(TimeoutError):
            channel.connection.client.drain_events(timeout=0.1)
        received[1].ack(multiple=True)
        drain(channel.connection.client, lambda: len(received) == 4)

    assert [message.payload for message in received] == [0, 1, 2, 3]


def test_messages_without_acknowledgement(channel: Any, queue: Any) -> None:
    publish(channel, queue, 'fire', 'forget')
    received: list[Any] = []
    with kombu.Consumer(channel, [queue], on_message=received.append, no_ack=True):
        drain(channel.connection.client, lambda: len(received) == 2)
        received[0].ack()  # Kombu knows better

    assert queue.queue_declare(passive=True).message_count == 0


def test_recover(channel: Any, queue: Any) -> None:
    publish(channel, queue, 'again')
    received: list[Any] = []
    with kombu.Consumer(channel, [queue], on_message=received.append) as consumer:
        drain(channel.connection.client, lambda: received)
        consumer.recover(requeue=True)
        drain(channel.connection.client, lambda: len(received) == 2)

    assert [message.delivery_info['redelivered'] for message in received] == [False, True]


def test_messages_that_wait_when_their_consumer_ends(
    connect: Connect, ours: str, connection: Any, queue: Any
) -> None:
    """py-amqp would call the consumer while it waits for the answer to the cancellation."""
    channel, received = connect(ours).channel(), list[Any]()
    publish(connection, queue, 'one', 'two')
    for no_ack, expected in ((False, []), (True, [b'one', b'two'])):
        tag = channel.basic_consume(queue.name, callback=received.append, no_ack=no_ack)
        await_events(channel, 2)
        channel.basic_cancel(tag)

        assert [message.body.encode() for message in received] == expected
    assert queue.queue_declare(passive=True).message_count == 0


def test_a_callback_that_fails_while_its_consumer_ends(
    connect: Connect, ours: str, connection: Any, queue: Any
) -> None:
    """The other messages are not lost, although they need no acknowledgement."""
    channel, received = connect(ours).channel(), list[bytes]()
    publish(connection, queue, b'one', b'bad', b'three')

    def on_message(message: Any) -> None:
        received.append(message.body)
        if message.body == b'bad':
            raise ZeroDivisionError

    tag = channel.basic_consume(queue.name, callback=on_message, no_ack=True)
    await_events(channel, 3)
    with pytest.raises(ZeroDivisionError):
        channel.basic_cancel(tag)
    drain(channel.connection.client, lambda: len(received) == 3)


def test_messages_without_acknowledgement_outlive_their_channel(
    connect: Connect, ours: str, connection: Any, queue: Any
) -> None:
    """The broker would not deliver them again."""
    channel, received = connect(ours).channel(), list[Any]()
    publish(connection, queue, 'one', 'two')
    channel.basic_consume(queue.name, callback=received.append, no_ack=True)
    await_events(channel, 2)
    with pytest.raises(exceptions.NotFound):
        channel.queue_declare('nowhere', passive=True)

    drain(channel.connection.client, lambda: len(received) == 2)


def test_a_consumer_that_the_broker_has_cancelled_is_cancelled(
    connect: Connect, ours: str, connection: Any
) -> None:
    channel = connect(ours).channel()
    channel.queue_declare('doomed', auto_delete=False)
    tag = channel.basic_consume('doomed', callback=print)
    connection.default_channel.queue_delete('doomed')
    await_events(channel, 1)
    channel.basic_cancel(tag)

    with pytest.raises(TimeoutError):
        channel.connection.client.drain_events(timeout=0)


def test_the_broker_cancels_a_consumer(channel: Any, connection: Any) -> None:
    other, cancelled = connection.channel(), list[str]()
    channel.queue_declare('doomed', auto_delete=False)
    channel.basic_consume('doomed', 'told', callback=print, on_cancel=cancelled.append)
    other.queue_delete('doomed')
    drain(connection, lambda: cancelled)
    assert cancelled == ['told']

    channel.queue_declare('doomed', auto_delete=False)
    channel.basic_consume('doomed', 'untold', callback=print)
    with pytest.raises(exceptions.ConsumerCancelled):
        # py-amqp raises it while it waits for the answer, CoolAMQP when it drains.
        other.queue_delete('doomed') or connection.drain_events(timeout=TIMEOUT)


# Errors


def test_an_error_closes_the_channel_and_the_next_call_opens_it(channel: Any) -> None:
    with pytest.raises(exceptions.NotFound) as raised:
        channel.queue_declare('nowhere', passive=True)

    assert raised.value.code == raised.value.reply_code == 404
    assert raised.value.method_name == 'Queue.declare'
    assert 'nowhere' in str(raised.value)
    assert channel.connection.client.connected
    assert channel.queue_declare('here', exclusive=True).queue == 'here'


def test_other_channels_go_on_after_an_error(connection: Any, channel: Any, queue: Any) -> None:
    publish(channel, queue, 'untouched')
    other = connection.channel()
    with pytest.raises(exceptions.PreconditionFailed):
        other.exchange_declare('amq.direct', 'fanout', durable=True)

    assert get(queue).payload == 'untouched'


def test_an_exclusive_queue_is_locked(connect: Connect, channel: Any, url: str) -> None:
    channel.queue_declare('mine', exclusive=True)
    stranger = connect(url).channel()

    with pytest.raises(exceptions.ResourceLocked):
        stranger.queue_declare('mine', passive=True)


def test_a_publish_to_no_exchange_fails_later(connection: Any, channel: Any) -> None:
    channel.basic_publish(channel.prepare_message(b'lost'), 'nowhere', 'key')

    with pytest.raises(exceptions.NotFound):
        connection.drain_events(timeout=TIMEOUT)
    assert channel.queue_declare('here', exclusive=True).queue == 'here'


def test_an_old_message_does_not_acknowledge_a_new_one(
    connect: Connect, ours: str, connection: Any, queue: Any
) -> None:
    """py-amqp would: the new channel counts its messages from 1 again."""
    publish(connection, queue, 'one', 'two')
    client = connect(ours)
    channel = client.channel()
    old = channel.basic_get(queue.name)
    with pytest.raises(exceptions.NotFound):
        channel.queue_declare('nowhere', passive=True)
    new = channel.basic_get(queue.name)
    assert (old.body, new.body) == ('one', 'one')
    old.ack(multiple=True)
    channel.basic_reject(old.delivery_tag, requeue=False)
    channel.basic_get(queue.name).ack()
    client.release()

    assert get(queue).payload == 'one'
    assert queue.get() is None


def test_the_error_of_a_channel_ends_with_it(
    connect: Connect, ours: str, connection: Any, queue: Any
) -> None:
    client, received = connect(ours), list[Any]()
    channel, other = client.channel(), client.channel()
    channel.basic_publish(channel.prepare_message(b'lost'), 'nowhere', 'key')
    await_events(other, 1)
    channel.close()

    publish(connection, queue, 'one')
    other.basic_consume(queue.name, callback=received.append)
    drain(client, lambda: received)


def test_a_channel_leaves_its_number_to_the_next(connect: Connect, ours: str) -> None:
    client = connect(ours)
    old = client.channel()
    with pytest.raises(exceptions.NotFound):
        old.queue_declare('nowhere', passive=True)
    new = client.channel()
    assert new.channel_id == old.channel_id
    old.close()
    client.release()

    assert new.connection is None


def test_a_content_encoding_that_is_no_name(channel: Any, queue: Any) -> None:
    for encoding in ('utf\0', 'utf-8'):
        message = channel.prepare_message(b'body', content_encoding=encoding)
        channel.basic_publish(message, '', queue.name)

    assert [channel.basic_get(queue.name).body for _ in range(2)] == [b'body', 'body']


def test_a_channel_that_is_closed(connection: Any) -> None:
    with connection.channel() as channel:
        channel.queue_declare('', exclusive=True)
    channel.close()

    assert channel.connection is None
    assert not channel.is_open
    with pytest.raises(exceptions.RecoverableConnectionError):
        channel.queue_declare('', exclusive=True)
    with pytest.raises(exceptions.RecoverableConnectionError):
        channel.basic_publish(channel.prepare_message(b'lost'), '', 'key')


def test_the_numbers_of_closed_channels_are_used_again(connection: Any) -> None:
    first, second = connection.channel(), connection.channel()
    numbers = first.channel_id, second.channel_id
    first.close()

    assert numbers == (1, 2)
    assert connection.channel().channel_id == 1


def test_all_channels_are_in_use(connect: Connect, ours: str) -> None:
    connection = connect(ours)
    connection.connect()
    for _ in range(connection.connection.uplink.limits.channel_max):
        connection.channel()

    with pytest.raises(exceptions.ResourceError):
        connection.channel()


# Publishing


@pytest.mark.parametrize('body', [b'\x00\xff' * 300_000, 'Grüße', 'x' * 131_072])
def test_bodies(channel: Any, queue: Any, body: object) -> None:
    publish(channel, queue, body)

    assert get(queue).payload == body


def test_the_properties_of_a_message(channel: Any, queue: Any) -> None:
    headers = {
        'text': 'Grüße', 'number': -7, 'large': 2**40, 'flag': True, 'none': None, 'half': 0.5,
        'list': [1, 'a', {'deep': [None]}], 'table': {'key': 'value'},
    }  # fmt: skip
    properties = {
        'correlation_id': 'one', 'reply_to': 'two', 'message_id': 'three',
        'timestamp': 1_700_000_000, 'type': 'four', 'user_id': 'guest', 'app_id': 'six',
        'delivery_mode': 1, 'priority': 5,
    }  # fmt: skip
    publish(
        channel, queue, {'a': 1}, headers=headers, expiration=60, serializer='json', **properties
    )

    message = get(queue)
    assert message.headers == headers
    assert (message.content_type, message.content_encoding) == ('application/json', 'utf-8')
    expected = properties | {
        'expiration': '60000',
        'content_type': 'application/json',
        'content_encoding': 'utf-8',
        'application_headers': headers,
    }
    assert message.properties == expected


def test_confirmed_messages(connect: Connect, url: str) -> None:
    connection = connect(url, transport_options={'confirm_publish': True})
    channel = connection.channel()
    queue = kombu.Queue('confirmed', durable=False, exclusive=True)(channel)
    queue.declare()
    publish(channel, queue, 'one', 'two')

    assert queue.queue_declare(passive=True).message_count == 2
    with pytest.raises(exceptions.NotFound):
        channel.basic_publish(channel.prepare_message(b'lost'), 'nowhere', 'key')
    publish(channel, queue, 'three')
    assert queue.queue_declare(passive=True).message_count == 3


def test_the_broker_refuses_a_message(connect: Connect, url: str) -> None:
    connection = connect(url, transport_options={'confirm_publish': True})
    channel = connection.channel()
    arguments = {'x-max-length': 1, 'x-overflow': 'reject-publish'}
    queue = kombu.Queue('full', durable=False, exclusive=True, queue_arguments=arguments)(channel)
    queue.declare()
    publish(channel, queue, 'fits')

    with pytest.raises(exceptions.MessageNacked):
        publish(channel, queue, 'does not')
    queue.purge()
    publish(channel, queue, 'fits')


def test_returned_messages(connect: Connect, url: str) -> None:
    connection = connect(url, transport_options={'confirm_publish': True})
    channel, returned = connection.channel(), list[tuple[Any, ...]]()
    producer = kombu.Producer(channel, on_return=lambda *arguments: returned.append(arguments))
    producer.publish({'a': 1}, routing_key='nowhere', mandatory=True, headers={'b': 2})

    ((error, exchange, routing_key, message),) = returned
    assert error.reply_code == 312
    assert (exchange, routing_key) == ('', 'nowhere')
    assert message.body in ('{"a": 1}', b'{"a": 1}')
    assert message.properties['application_headers'] == {'b': 2}


def test_a_returned_message_that_nobody_listens_for(connect: Connect, url: str) -> None:
    connection = connect(url, transport_options={'confirm_publish': True})
    channel = connection.channel()

    with pytest.raises(exceptions.ChannelError, match='NO_ROUTE'):
        channel.basic_publish(channel.prepare_message(b'back'), '', 'nowhere', mandatory=True)


def test_a_program_listens_for_confirms(channel: Any, queue: Any, connection: Any) -> None:
    confirmed: list[tuple[int, bool]] = []
    channel.events['basic_ack'].add(lambda *arguments: confirmed.append(arguments))
    channel.confirm_select()
    publish(channel, queue, 'one')
    while not confirmed:
        queue.queue_declare(passive=True)

    assert confirmed == [(1, False)]


def await_events(channel: Any, count: int) -> None:
    """Make calls until a number of events waits for `drain_events`."""
    while len(channel.connection.events) < count:
        channel.basic_qos(0, 10, False)


def test_none_stands_for_false(channel: Any, queue: Any) -> None:
    tag = channel.basic_consume(queue.name, 'tag', None, None, None, None)
    channel.basic_cancel(tag, None)
    channel.basic_publish(channel.prepare_message(b'x'), '', queue.name, None)
    found = channel.basic_get(queue.name, None)
    channel.basic_reject(found.delivery_tag, None)

    assert channel.basic_get(queue.name) is None
