"""Messages, beside those of py-amqp: each side reads what the other has written."""

from __future__ import annotations

from typing import Any

import amqp
import pytest

from coolamqp.framing.definitions import BasicReturn
from coolamqp.framing.hot import BASIC_GET_OK, Envelope
from coolamqp.kombu.messages import (
    Message,
    OutgoingMessage,
    decode_properties,
    returned_message,
    text,
)

PROPERTIES: dict[str, Any] = {
    'content_type': 'application/json', 'content_encoding': 'utf-8', 'delivery_mode': 2,
    'priority': 3, 'correlation_id': 'one', 'reply_to': 'two', 'expiration': '60000',
    'message_id': 'three', 'timestamp': 1_700_000_000, 'type': 'four', 'user_id': 'five',
    'app_id': 'six', 'cluster_id': 'seven',
    'application_headers': {'a': 1, 'b': [None, 'Grüße', {'c': True}], 'd': 0.5},
}  # fmt: skip


def outgoing(body: Any = b'body', **properties: Any) -> OutgoingMessage:
    return OutgoingMessage(body, None, None, None, None, properties)


@pytest.mark.parametrize('names', [(), ('priority',), ('type', 'cluster_id'), tuple(PROPERTIES)])
def test_properties_are_those_of_py_amqp(names: tuple[str, ...]) -> None:
    given = {name: PROPERTIES[name] for name in names}
    theirs = amqp.Message(b'', **given)

    _, encoded = outgoing(**given).encode()
    theirs._load_properties(60, encoded, 0)

    assert theirs.properties == given
    assert decode_properties(amqp.Message(b'', **given)._serialize_properties()) == given


def test_unknown_properties_are_left_out() -> None:
    assert outgoing(compression='gzip').encode() == outgoing().encode()


def test_a_property_of_the_wrong_type() -> None:
    with pytest.raises(TypeError, match='correlation_id'):
        outgoing(correlation_id=object()).encode()


def test_a_body_of_text_is_encoded() -> None:
    body, encoded = outgoing('Grüße').encode()
    assert body == 'Grüße'.encode()
    assert decode_properties(encoded) == {'content_encoding': 'utf-8'}

    body, _ = outgoing('Grüße', content_encoding='latin-1').encode()
    assert body == 'Grüße'.encode('latin-1')


@pytest.mark.parametrize(
    ('encoding', 'body', 'expected'),
    [
        ('utf-8', b'Gr\xc3\xbc\xc3\x9fe', 'Grüße'),
        ('utf-8', b'\xff', b'\xff'),
        ('binary', b'abc', b'abc'),
        ('utf\0', b'abc', b'abc'),
        (None, b'abc', b'abc'),
    ],
)
def test_a_received_body_is_text_if_it_can_be(
    encoding: str | None, body: bytes, expected: str | bytes
) -> None:
    _, properties = outgoing(content_encoding=encoding).encode()
    envelope = Envelope(b'\x00\x3c\x00\x47' + bytes(8) + b'\x00\x00\x00' + bytes(4), BASIC_GET_OK)
    channel: Any = None

    assert Message(channel, 1, envelope, properties, body).body == expected


def test_a_returned_message() -> None:
    _, properties = outgoing(content_encoding='utf-8', application_headers={'a': 1}).encode()
    channel: Any = None

    message = returned_message(channel, BasicReturn(312, b'', b'x', b'key'), properties, b'body')

    assert message.body == 'body'
    assert message.headers == {'a': 1}
    assert message.delivery_info == {'exchange': 'x', 'routing_key': 'key'}


def test_text() -> None:
    assert text('a') == text(b'a') == 'a'
    assert text(b'\xff').encode('utf-8', 'surrogateescape') == b'\xff'
