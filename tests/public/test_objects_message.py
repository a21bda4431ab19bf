"""Strings, headers and properties of a received message, as programs for 1.x and 2.x read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coolamqp.clustering import Cluster
from coolamqp.exceptions import WireError
from coolamqp.framing.definitions import FRAME_HEADER, BasicConsume, BasicDeliver
from coolamqp.framing.frames import CONTENT_HEADER, AMQPBodyFrame, encode_frame, encode_method
from coolamqp.objects import Exchange, Message, Queue, ReceivedMessage
from tests.integration.support import PATIENCE, Collector, consume
from tests.support.rig import Rig


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
