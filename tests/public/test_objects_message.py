"""coolamqp.objects.Message and ReceivedMessage, row by row."""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

import pytest

from coolamqp.clustering import Cluster
from coolamqp.exceptions import WireError
from coolamqp.framing.definitions import FRAME_HEADER, BasicConsume, BasicDeliver
from coolamqp.framing.frames import CONTENT_HEADER, AMQPBodyFrame, encode_frame, encode_method
from coolamqp.objects import Exchange, Message, MessageProperties, Queue, ReceivedMessage
from tests.conftest import MakeCluster
from tests.integration.support import (
    PATIENCE,
    SHORT,
    Collector,
    await_reconnect,
    confirmed,
    consume,
)
from tests.support.proxy import FaultProxy
from tests.support.rig import Rig

BODIES: dict[str, Any] = {
    'bytes': b'abcd',
    'bytearray': bytearray(b'abcd'),
    'memoryview': memoryview(b'abcd'),
    'slice of a memoryview': memoryview(b'xabcdx')[1:-1],
    'array': array.array('B', b'abcd'),
}

# -- Message


@pytest.mark.parametrize('body', BODIES.values(), ids=BODIES)
def test_message_body_is_kept_as_it_is(body: Any) -> None:
    assert Message(body).body is body


@pytest.mark.integration
@pytest.mark.parametrize('body', BODIES.values(), ids=BODIES)
def test_message_body_is_sent_whatever_has_the_buffer_interface(
    cluster: Cluster, body: Any
) -> None:
    collector = Collector()
    consume(cluster, Queue('bodies', auto_delete=True), collector)
    confirmed(cluster, body, 'bodies').result(PATIENCE)
    collector.wait_for(1)
    assert collector.bodies == [b'abcd']


def test_message_body_of_text_is_refused() -> None:
    with pytest.raises(TypeError, match=r'body must be bytes, not str.*encode'):
        Message('text')


@pytest.mark.parametrize('body', [None, 5, {'a': 1}])
def test_message_body_without_a_buffer_is_refused(body: Any) -> None:
    with pytest.raises(TypeError, match=f'body must be bytes.*not {type(body).__name__}'):
        Message(body)


def test_message_properties_are_none_or_a_dict_or_properties() -> None:
    properties = MessageProperties(content_type='text/plain', delivery_mode=2)
    assert Message(b'').properties == MessageProperties()
    assert Message(b'', properties).properties is properties
    assert Message(b'', properties=properties).properties is properties
    converted = Message(b'', {'content_type': 'text/plain', 'delivery_mode': 2}).properties
    assert isinstance(converted, MessageProperties)
    assert converted == properties


# -- ReceivedMessage


def test_received_message_in_the_order_of_its_arguments() -> None:
    calls: list[str] = []
    properties = MessageProperties(app_id='tests')
    message = ReceivedMessage(
        b'body', 'ex', 'key', properties, 7, lambda: calls.append('a'), lambda: calls.append('n')
    )
    assert isinstance(message, Message)
    assert (message.body, message.exchange_name, message.routing_key) == (b'body', 'ex', 'key')
    assert (message.properties, message.delivery_tag) == (properties, 7)
    acked = [message.acked]
    message.ack()
    acked.append(message.acked)
    assert acked == [False, True]
    assert calls == ['a']


def test_received_message_with_the_least_that_it_needs() -> None:
    message = ReceivedMessage(b'body', exchange_name='ex', routing_key='key')
    assert message.properties == MessageProperties()
    assert message.delivery_tag is None
    message.ack()
    message.nack()


FIRST_AND_THEN: list[tuple[Callable[..., Any], Callable[..., Any], str]] = [
    (ReceivedMessage.ack, ReceivedMessage.ack, 'ack'),
    (ReceivedMessage.ack, ReceivedMessage.nack, 'ack'),
    (ReceivedMessage.nack, ReceivedMessage.ack, 'nack'),
    (ReceivedMessage.nack, ReceivedMessage.nack, 'nack'),
]


@pytest.mark.parametrize(('first', 'then', 'told'), FIRST_AND_THEN)
def test_received_message_is_settled_by_the_first_ack_or_nack_alone(
    first: Callable[..., Any], then: Callable[..., Any], told: str
) -> None:
    calls: list[str] = []
    message = ReceivedMessage(
        b'', '', '', None, 1, lambda: calls.append('ack'), lambda: calls.append('nack')
    )
    first(message)
    then(message)
    assert calls == [told]


@pytest.mark.integration
def test_received_message_ack_takes_it_out_of_the_queue_and_nack_puts_it_back(
    cluster: Cluster,
) -> None:
    def settle(message: ReceivedMessage) -> None:
        if message.body == b'nack' and b'nack' not in collector.bodies:
            message.nack()
        else:
            message.ack()

    collector = Collector(settle)
    consumer = consume(cluster, Queue('settled'), collector, no_ack=False)
    for body in (b'ack', b'nack'):
        confirmed(cluster, body, 'settled').result(PATIENCE)
    collector.wait_for(3)
    consumer.cancel().result(PATIENCE)

    assert sorted(collector.bodies) == [b'ack', b'nack', b'nack']
    again = Collector()
    consume(cluster, Queue('settled'), again)
    confirmed(cluster, b'the only one', 'settled').result(PATIENCE)
    again.wait_for(1)
    assert again.bodies == [b'the only one']


@pytest.mark.integration
@pytest.mark.parametrize('settle', [ReceivedMessage.ack, ReceivedMessage.nack])
def test_received_message_of_a_no_ack_consumer_has_nothing_to_settle(
    cluster: Cluster, settle: Callable[[ReceivedMessage], None]
) -> None:
    collector = Collector(settle)
    consume(cluster, Queue('unsettled', auto_delete=True), collector, no_ack=True)
    for number in range(3):
        confirmed(cluster, b'%d' % number, 'unsettled').result(PATIENCE)
    collector.wait_for(3)
    assert collector.bodies == [b'0', b'1', b'2']
    assert collector.messages[0].delivery_tag is None
    assert cluster.connected


@pytest.mark.integration
@pytest.mark.parametrize('settle', [ReceivedMessage.ack, ReceivedMessage.nack])
def test_received_message_whose_channel_is_gone_has_been_requeued(
    make_cluster: MakeCluster, proxy: FaultProxy, settle: Callable[[ReceivedMessage], None]
) -> None:
    cluster = make_cluster(port=proxy.port)
    cluster.start()
    collector = Collector()
    consume(cluster, Queue('cut', durable=True), collector, no_ack=False, qos=1)
    confirmed(cluster, b'once more', 'cut', {'delivery_mode': 2}).result(PATIENCE)
    (early,) = collector.wait_for(1)
    proxy.cut()
    _, late = collector.wait_for(2)

    settle(early)  # a no-op; on the new channel its tag may be that of another message
    confirmed(cluster, b'next', 'cut').result(PATIENCE)
    with pytest.raises(AssertionError, match='2 messages of 3'):
        collector.wait_for(3, SHORT)  # the prefetch of one is still used up
    late.ack()
    collector.wait_for(3)
    assert collector.bodies == [b'once more', b'once more', b'next']


@pytest.mark.integration
@pytest.mark.parametrize('settle', [ReceivedMessage.ack, ReceivedMessage.nack])
def test_received_message_after_cancel_and_after_shutdown_is_settled_by_nobody(
    cluster: Cluster, settle: Callable[[ReceivedMessage], None]
) -> None:
    collector = Collector()
    consumer = consume(cluster, Queue('ended'), collector, no_ack=False)
    for _ in range(2):
        confirmed(cluster, b'', 'ended').result(PATIENCE)
    one, another = collector.wait_for(2)

    consumer.cancel().result(PATIENCE)
    settle(one)
    await_reconnect(cluster)  # a round trip: the broker has not been provoked
    cluster.shutdown()
    settle(another)


# -- received strings and headers


@pytest.fixture
def received(cluster: Cluster) -> ReceivedMessage:
    """A message with everything in it, as it comes from the broker."""
    collector = Collector()
    exchange = Exchange('strings', b'topic', durable=False)
    queue = Queue('strings', auto_delete=True, exchange=exchange, routing_key='#')
    consume(cluster, queue, collector)
    properties = {
        'content_type': 'text/plain',
        'correlation_id': '17',
        'headers': {'name': 'value', 'number': 3, 'table': {'inner': 'text'}, 'list': ['item']},
    }
    future = cluster.publish(Message(b'x', properties), exchange, 'a.key', confirm=True)
    assert future is not None
    future.result(PATIENCE)
    return collector.wait_for(1)[0]


STRINGS: dict[str, tuple[Callable[[Any], Any], bytes]] = {
    'routing key': (lambda message: message.routing_key, b'a.key'),
    'exchange name': (lambda message: message.exchange_name, b'strings'),
    'content type': (lambda message: message.properties.content_type, b'text/plain'),
    'correlation id': (lambda message: message.properties.correlation_id, b'17'),
    'header': (lambda message: dict(message.properties.headers)[b'name'][0], b'value'),
}


@pytest.mark.integration
def test_received_strings_are_bytes_with_tobytes(received: ReceivedMessage) -> None:
    for read, expected in STRINGS.values():
        string = read(received)
        assert issubclass(type(string), bytes)
        assert string == expected
        assert string.tobytes() == expected
        assert type(string.tobytes()) is bytes
        assert {string: 1}[expected] == 1
        assert {expected: 1}[string] == 1


def test_received_strings_cost_nothing_until_they_are_read() -> None:
    """Properties that are no properties disturb nobody who does not look at them."""
    rig = Rig()
    broker = rig.up()
    rig.consume()
    broker.serve()
    channel = broker.channel_of(BasicConsume)
    nonsense = b'\x80\x00\xff'  # a content type of 255 bytes, of which there is none
    broker.feed(
        encode_method(channel, BasicDeliver(b'jobs', 1, False, b'ex', b'key'))
        + encode_frame(FRAME_HEADER, channel, CONTENT_HEADER.pack(60, 0, 4) + nonsense)
        + AMQPBodyFrame(channel, b'body').encode()
    )
    rig.carry_out()

    (message,) = rig.messages()
    assert (message.body, message.routing_key) == (b'body', b'key')
    with pytest.raises(WireError):
        _ = message.properties.content_type


@pytest.mark.integration
def test_received_headers_have_the_typed_shape(received: ReceivedMessage) -> None:
    headers = received.properties.headers
    assert isinstance(headers, list)
    assert sorted(headers) == [  # RabbitMQ 3 keeps their order, and 4 sorts them by name
        (b'list', ([(b'item', 'S')], 'A')),
        (b'name', (b'value', 'S')),
        (b'number', (3, 'I')),
        (b'table', ([(b'inner', (b'text', 'S'))], 'F')),
    ]


@pytest.mark.integration
def test_received_properties_that_are_absent_are_none(received: ReceivedMessage) -> None:
    assert received.properties.reply_to is None
    assert received.properties.timestamp is None
    assert received.properties.get('app_id', b'nobody') == b'nobody'
