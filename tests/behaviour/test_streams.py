"""Streams: offsets, what they refuse, and that reading takes nothing away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from coolamqp.framing.definitions import (
    BasicConsume,
    BasicGet,
    BasicReject,
    QueueDeclare,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
)
from tests.behaviour.brokers import BrokerUnderTest, by_version
from tests.behaviour.client import RawChannel, RawConnection
from tests.behaviour.texts import (
    Refusal,
    inequivalent,
    invalid_argument,
    not_implemented,
    precondition_failed,
)

STREAM = {'x-queue-type': 'stream'}
BODIES = (b'0', b'1', b'2', b'3')


@pytest.fixture
def stream(channel: RawChannel) -> str:
    """The name of a stream with four messages, each of which is on the disk before the next."""
    channel.queue('s', STREAM)
    for body in BODIES:
        channel.put('s', body)
    return 's'


def read(channel: RawChannel, stream: str, offset: Any, tag: str = '') -> None:
    """Start a consumer at an offset."""
    channel.qos(10)
    channel.consume(stream, tag, arguments={'x-stream-offset': offset})


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
def test_a_stream_is_durable_and_shared(
    channel: RawChannel, vhost: str, flags: dict[str, bool], name: str
) -> None:
    method = QueueDeclare('s', **{'durable': True, **flags}, arguments=STREAM)

    assert channel.refused(method) == precondition_failed(
        f"invalid property '{name}' for queue 's' in vhost '{vhost}'"
    )


def test_a_stream_has_a_name(channel: RawChannel) -> None:
    assert channel.refused(QueueDeclare(durable=True, arguments=STREAM)) == precondition_failed(
        'Cannot declare a server-named queue for type rabbit_stream_queue'
    )


@pytest.mark.parametrize(
    'argument',
    ['x-message-ttl', 'x-expires', 'x-max-length', 'x-max-priority', 'x-overflow',
     'x-single-active-consumer', 'x-delivery-limit'],
)  # fmt: skip
def test_arguments_of_other_types_of_queues(channel: RawChannel, vhost: str, argument: str) -> None:
    method = QueueDeclare('s', durable=True, arguments={**STREAM, argument: 5})

    assert channel.refused(method) == precondition_failed(
        f"invalid arg '{argument}' for queue 's' in vhost '{vhost}' of queue type "
        'rabbit_stream_queue'
    )


@pytest.mark.parametrize(
    'argument',
    [
        {'x-max-length-bytes': 1000000},
        {'x-max-age': '5Y'},
        {'x-max-age': '30m'},
        {'x-max-age': '10s'},
        {'x-stream-max-segment-size-bytes': 1000000},
        {'x-initial-cluster-size': 1},
        {'x-queue-leader-locator': 'client-local'},
    ],
    ids=str,
)
def test_accepted_arguments(channel: RawChannel, argument: dict[str, Any]) -> None:
    channel.queue('s', {**STREAM, **argument})
    channel.queue('s', {**STREAM, **argument})


@pytest.mark.parametrize(
    ('argument', 'value', 'reason'),
    [
        ('x-max-age', '5', 'invalid_max_age'),
        ('x-max-age', '5x', 'invalid_max_age'),
        ('x-max-age', 5, '{unacceptable_type,signedint}'),
        ('x-max-length-bytes', -1, '{value_negative,-1}'),
        ('x-stream-max-segment-size-bytes', -1, '{value_negative,-1}'),
    ],
)
def test_refused_arguments(
    channel: RawChannel, vhost: str, argument: str, value: Any, reason: str
) -> None:
    method = QueueDeclare('q', durable=True, arguments={**STREAM, argument: value})

    assert channel.refused(method) == invalid_argument(argument, reason, vhost)


def test_a_segment_that_is_too_large(channel: RawChannel) -> None:
    arguments = {**STREAM, 'x-stream-max-segment-size-bytes': 3_000_000_001}

    assert channel.refused(
        QueueDeclare('s', durable=True, arguments=arguments)
    ) == precondition_failed('Exceeded max value for x-stream-max-segment-size-bytes')


def test_declaring_again_without_the_type(
    broker: BrokerUnderTest, channel: RawChannel, vhost: str
) -> None:
    channel.queue('s', STREAM)
    received, current = by_version(
        broker,
        {
            (3, 10): ('none', "the value 'stream' of type 'longstr'"),
            (4, 0): ("'classic'", "'stream'"),
        },
    )

    assert channel.refused(QueueDeclare('s', durable=True)) == inequivalent(
        'x-queue-type', "queue 's'", vhost, received, current
    )


# -- what a stream cannot do


def test_get_is_not_implemented(channel: RawChannel, stream: str, vhost: str) -> None:
    assert channel.refused(BasicGet(stream)) == not_implemented(
        f"basic.get not supported by stream queues queue 's' in vhost '{vhost}'"
    )


def test_purging_is_not_implemented(channel: RawChannel, stream: str, vhost: str) -> None:
    assert channel.refused(QueuePurge(stream)) == not_implemented(
        f"queue.purge not supported by stream queues queue 's' in vhost '{vhost}'"
    )


@pytest.mark.parametrize('no_ack', [False, True])
def test_a_consumer_needs_a_limit(
    broker: BrokerUnderTest, channel: RawChannel, stream: str, vhost: str, no_ack: bool
) -> None:
    name = by_version(
        broker,
        {
            (3, 10): f"'queue 's' in vhost '{vhost}''",
            (4, 0): f"stream queue 's' in vhost '{vhost}'",
        },
    )

    assert channel.refused(BasicConsume(stream, no_ack=no_ack)) == precondition_failed(
        f'consumer prefetch count is not set for {name}'
    )


def test_a_consumer_must_acknowledge(
    broker: BrokerUnderTest, channel: RawChannel, stream: str, vhost: str
) -> None:
    queues = by_version(broker, {(3, 10): 'queues queue', (4, 0): 'queue'})
    channel.qos(5)

    assert channel.refused(BasicConsume(stream, no_ack=True)) == not_implemented(
        f"automatic acknowledgement not supported by stream {queues} 's' in vhost '{vhost}'"
    )


def test_consumers_have_no_priority(channel: RawChannel, stream: str, vhost: str) -> None:
    channel.qos(5)

    assert channel.refused(
        BasicConsume(stream, arguments={'x-priority': 5})
    ) == precondition_failed(
        f"invalid arg 'x-priority' for queue 's' in vhost '{vhost}' of queue type "
        'rabbit_stream_queue'
    )


@pytest.mark.parametrize(
    ('offset', 'errors'),
    [
        (
            '5x',
            {(3, 10): (406, '{invalid_stream_offset_arg,{longstr,<<"5x">>}}')},
        ),
        (
            'soon',
            {
                (3, 10): (541, ''),
                (4, 3): (406, '{invalid_stream_offset_arg,{longstr,<<"soon">>}}'),
            },
        ),
    ],
)
def test_an_offset_that_is_none(
    broker: BrokerUnderTest,
    channel: RawChannel,
    stream: str,
    vhost: str,
    offset: Any,
    errors: dict[tuple[int, ...], Refusal],
) -> None:
    channel.qos(5)
    channel.send(BasicConsume(stream, arguments={'x-stream-offset': offset}))

    # The embedded broker does as RabbitMQ 4.3.
    newest = max(errors)
    code, reason = by_version(broker, errors) if broker.kind == 'rabbitmq' else errors[newest]
    if code == 541:
        assert channel.expect_close() == (541, 'INTERNAL_ERROR')
    else:
        assert channel.expect_close(BasicConsume.INDEX) == precondition_failed(
            f"invalid arg 'x-stream-offset' for queue 's' in vhost '{vhost}': {reason}"
        )


# -- offsets


@pytest.mark.parametrize(
    ('offset', 'first'),
    [
        ('first', 0),
        ('last', 3),
        (0, 0),
        (2, 2),
        (3, 3),
        ((1, 'l'), 1),
        (-1, 0),
        ('1h', 0),
        ('1D', 0),
        (datetime.now(UTC) - timedelta(hours=1), 0),
    ],
    ids=lambda argument: 'time' if isinstance(argument, datetime) else str(argument),
)
def test_a_consumer_starts_at_its_offset(
    channel: RawChannel, stream: str, offset: Any, first: int
) -> None:
    read(channel, stream, offset)

    messages = channel.next_messages(4 - first)

    assert [message.body for message in messages] == list(BODIES[first:])
    assert [message.properties.headers for message in messages] == [
        [(b'x-stream-offset', (number, 'l'))] for number in range(first, 4)
    ]


@pytest.mark.parametrize(
    'arguments', [{'x-stream-offset': 'next'}, {}, {'x-stream-offset': 4}], ids=str
)
def test_a_consumer_starts_behind_the_end(
    channel: RawChannel, stream: str, arguments: dict[str, Any]
) -> None:
    channel.qos(10)
    channel.consume(stream, arguments=arguments)

    channel.put(stream, b'4')

    message = channel.next_message()
    assert (message.body, message.headers) == (b'4', {'x-stream-offset': 4})


def test_a_consumer_at_an_offset_in_the_future(channel: RawChannel, stream: str) -> None:
    read(channel, stream, 5)

    channel.put(stream, b'4', b'5')

    assert channel.next_message().body == b'5'


def test_a_consumer_goes_on_with_new_messages(channel: RawChannel, stream: str) -> None:
    read(channel, stream, 'first')
    channel.next_messages(4)

    channel.put(stream, b'4')

    message = channel.next_message()
    assert (message.body, message.tag, message.redelivered) == (b'4', 5, False)


def test_the_limit_of_a_consumer(channel: RawChannel, stream: str) -> None:
    channel.qos(2)
    channel.consume(stream, arguments={'x-stream-offset': 'first'})
    first, second = channel.next_messages(2)
    channel.expect_nothing(stream)

    channel.ack(first.tag)

    third = channel.next_message()
    assert (second.body, third.body) == (b'1', b'2')
    channel.ack(third.tag, multiple=True)
    assert channel.next_message().body == b'3'


# -- reading takes nothing away


def test_all_consumers_read_all(
    connection: RawConnection, channel: RawChannel, stream: str
) -> None:
    second = connection.channel()
    for each in (channel, second):
        read(each, stream, 'first')

    assert channel.next_bodies(4) == second.next_bodies(4) == list(BODIES)


def test_acknowledged_messages_stay(channel: RawChannel, stream: str) -> None:
    read(channel, stream, 'first', 'first')
    channel.ack(channel.next_messages(4)[-1].tag, multiple=True)
    channel.cancel('first')

    read(channel, stream, 'first')

    messages = channel.next_messages(4)
    assert [message.body for message in messages] == list(BODIES)
    assert not any(message.redelivered for message in messages)


@pytest.mark.parametrize('requeue', [False, True])
def test_a_rejected_message_is_not_delivered_again(
    broker: BrokerUnderTest, channel: RawChannel, stream: str, vhost: str, requeue: bool
) -> None:
    read(channel, stream, 'first')
    method = BasicReject(channel.next_messages(4)[0].tag, requeue)

    channel.send(method)

    if broker.version < (4, 0):
        assert channel.expect_close() == not_implemented(
            'basic.nack and basic.reject not supported by stream queues '
            f"queue 's' in vhost '{vhost}'"
        )
    else:
        channel.put(stream, b'4')
        assert channel.next_message().body == b'4'


def test_a_channel_that_closes_gives_nothing_back(
    connection: RawConnection, channel: RawChannel, stream: str
) -> None:
    read(channel, stream, 'next')
    second = connection.channel()
    read(second, stream, 'first')
    second.next_messages(4)

    second.close()

    channel.put(stream, b'4')
    assert channel.next_message().body == b'4'


# -- messages


def test_a_message_keeps_its_properties(channel: RawChannel) -> None:
    channel.bind(channel.queue('s', STREAM), 'amq.topic', '#')
    channel.put(
        'a.b',
        b'body',
        exchange='amq.topic',
        message_id='id',
        content_type='text/plain',
        headers={'a': 1},
        delivery_mode=2,
    )
    read(channel, 's', 'first')

    message = channel.next_message()

    assert (message.body, message.exchange, message.routing_key) == (b'body', 'amq.topic', 'a.b')
    assert (message.properties.message_id, message.properties.content_type) == (
        b'id', b'text/plain',
    )  # fmt: skip
    assert message.properties.delivery_mode == 2
    assert message.headers == {'a': 1, 'x-stream-offset': 0}


def test_no_delivery_mode_becomes_the_transient_one(
    broker: BrokerUnderTest, channel: RawChannel, stream: str
) -> None:
    read(channel, stream, 'first')

    expected = by_version(broker, {(3, 10): None, (4, 0): 1})
    assert channel.next_message().properties.delivery_mode == expected


def test_a_large_message(channel: RawChannel) -> None:
    channel.queue('s', STREAM)
    body = bytes(range(256)) * 2000

    channel.put('s', body)

    read(channel, 's', 'first')
    assert channel.next_message().body == body


def test_messages_are_filtered(broker: BrokerUnderTest, channel: RawChannel) -> None:
    if broker.version < (4, 0):
        pytest.skip('RabbitMQ 3.10 has no filters')
    channel.queue('s', STREAM)
    for body, country in ((b'1', 'pl'), (b'2', 'de'), (b'3', 'pl')):
        channel.put('s', body, headers={'x-stream-filter-value': country})
    channel.put('s', b'4')
    channel.qos(10)
    channel.consume('s', arguments={'x-stream-offset': 'first', 'x-stream-filter': 'pl'})

    assert channel.next_bodies(2) == [b'1', b'3']


def test_a_stream_of_two_bindings_receives_once(channel: RawChannel) -> None:
    channel.queue('s', STREAM)
    channel.bind('s', 'amq.topic', '#')
    channel.bind('s', 'amq.topic', 'a')

    channel.put('a', b'1', b'2', exchange='amq.topic')

    read(channel, 's', 'first')
    assert channel.next_bodies(2) == [b'1', b'2']


def test_deleting_a_stream(channel: RawChannel, stream: str) -> None:
    assert channel.call(QueueDelete(stream)) == QueueDeleteOk(0)
    assert channel.connection.channel().refused(QueueDeclare(stream, passive=True))[0] == 404
