"""Messages, as they are made and as they come."""

from __future__ import annotations

import array
from typing import Any

import pytest

from coolamqp.framing.definitions import BasicContentPropertyList
from coolamqp.objects import Message, MessageProperties, ReceivedMessage
from coolamqp.objects.message import body_size, flat_body

FLOATS = array.array('d', [1.0, 2.0])
MATRIX = memoryview(bytes(range(6)))[::2]


@pytest.mark.parametrize(
    ('body', 'flat'),
    [
        (b'abc', b'abc'),
        (bytearray(b'abc'), b'abc'),
        (memoryview(b'abc'), b'abc'),
        (FLOATS, FLOATS.tobytes()),
        (MATRIX, b'\x00\x02\x04'),
        ([memoryview(b'ab'), memoryview(b'c')], b'abc'),
        ([], b''),
    ],
)
def test_a_body_is_anything_with_a_buffer(body: Any, flat: bytes) -> None:
    message = Message(body)
    assert message.body is body
    assert bytes(flat_body(message.body)) == flat
    assert body_size(message.body) == len(flat)
    assert repr(message).startswith(f'Message({len(flat)} bytes, ')


def test_bodies_are_not_copied_where_that_is_possible() -> None:
    data = bytearray(b'abc')
    assert flat_body(data) is data
    view = flat_body(FLOATS)
    assert isinstance(view, memoryview)
    assert view.obj is FLOATS


@pytest.mark.parametrize('body', ['text', 5, None, [b'bytes'], ['text']])
def test_what_is_no_body(body: Any) -> None:
    with pytest.raises(TypeError, match='message body must be bytes'):
        Message(body)


def test_forms_of_properties() -> None:
    assert MessageProperties is Message.Properties is BasicContentPropertyList
    properties = MessageProperties(content_type='text/plain')
    assert Message(b'', properties).properties is properties
    assert Message(b'', {'content_type': 'text/plain'}).properties == properties
    assert Message(b'').properties.content_type is None
    with pytest.raises(TypeError, match='must be MessageProperties or a dict, not str'):
        Message(b'', 'text/plain')
    with pytest.raises(ValueError, match='priority is 256'):
        Message(b'', {'priority': 256})


def received(calls: list[str]) -> ReceivedMessage:
    return ReceivedMessage(
        b'body', 'ex', b'key', None, 5, lambda: calls.append('ack'), lambda: calls.append('nack')
    )


def test_a_received_message_is_acked_once() -> None:
    calls: list[str] = []
    message = received(calls)
    assert isinstance(message, Message)
    assert (message.exchange_name, message.routing_key, message.delivery_tag) == ('ex', b'key', 5)
    for method in (message.ack, message.ack, message.nack):
        method()
        assert message.acked
    assert calls == ['ack']


def test_a_received_message_is_nacked_once() -> None:
    calls: list[str] = []
    message = received(calls)
    for method in (message.nack, message.ack, message.nack):
        method()
        assert not message.acked
    assert calls == ['nack']


def test_a_received_message_of_nobody() -> None:
    for method in (ReceivedMessage.ack, ReceivedMessage.nack):
        message = ReceivedMessage(b'body', 'ex', 'key')
        method(message)
        assert message.delivery_tag is None


def test_headers_are_plain_whatever_they_were_made_from() -> None:
    plain = {'n': 1, 'table': {'list': [1, {'deep': 'x'}]}}
    typed = [('n', (1, 'I')), ('table', ([('list', ([(1, 'I'), ({'deep': 'x'}, 'F')], 'A'))], 'F'))]
    for headers in (plain, typed):
        message = ReceivedMessage(b'', b'', b'', MessageProperties(headers=headers))
        assert message.headers == plain
    assert ReceivedMessage(b'', b'', b'').headers == {}


def test_a_body_is_read_as_text() -> None:
    message = ReceivedMessage('grüß'.encode(), 'ex', 'key')
    assert message.text() == 'grüß'
    with pytest.raises(UnicodeDecodeError):
        message.text('ascii')


def test_a_message_that_asks_for_no_reply_cannot_be_replied_to() -> None:
    with pytest.raises(ValueError, match='no reply_to'):
        ReceivedMessage(b'', 'ex', 'key').reply(b'')
