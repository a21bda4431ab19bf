"""Messages, as they are made and as they come."""

from __future__ import annotations

import array
from typing import Any

import pytest

from coolamqp.framing.definitions import BasicContentPropertyList, ConnectionStart
from coolamqp.framing.text import ReceivedBytes
from coolamqp.objects import Callable, Message, MessageProperties, ReceivedMessage, ServerProperties
from coolamqp.objects.message import body_size, flat_body

FLOATS = array.array('d', [1.0, 2.0])
MATRIX = memoryview(bytes(range(6)))[::2]


def test_properties_have_one_class_under_three_names() -> None:
    assert MessageProperties is BasicContentPropertyList
    assert Message.Properties is BasicContentPropertyList


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
    properties = MessageProperties(content_type='text/plain')
    assert Message(b'', properties).properties is properties
    assert Message(b'', {'content_type': 'text/plain'}).properties == properties
    assert Message(b'').properties.content_type is None
    with pytest.raises(TypeError, match='must be MessageProperties or a dict, not str'):
        Message(b'', 'text/plain')


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
    message.nack()
    message.ack()
    assert not message.acked
    assert calls == ['nack']


def test_a_received_message_of_nobody() -> None:
    for method in (ReceivedMessage.ack, ReceivedMessage.nack):
        message = ReceivedMessage(b'body', 'ex', 'key')
        method(message)
        assert message.delivery_tag is None


def test_a_list_of_functions(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[Any] = []

    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError('broken')

    for oneshots, times in ((False, 2), (True, 1)):
        calls.clear()
        functions = Callable(oneshots)
        functions.add(broken)
        functions.add(lambda *args, **kwargs: calls.append((args, kwargs)))
        functions(1, key=2)
        functions(1, key=2)
        assert calls == [((1,), {'key': 2})] * times
    assert 'broken' in caplog.text
    Callable()()


def test_server_properties() -> None:
    table = [(b'product', (ReceivedBytes(b'RabbitMQ'), 'S')), (b'version', (b'4.0', 'S'))]
    start = ConnectionStart(0, 9, table, b'PLAIN AMQPLAIN', b'en_US \xff')
    properties = ServerProperties(start)
    assert properties.version == (0, 9)
    assert properties.properties == {'product': 'RabbitMQ', 'version': '4.0'}
    assert properties.mechanisms == ['PLAIN', 'AMQPLAIN']
    assert properties.locales == 'en_US \\xff'
    assert repr(properties) == '<ServerProperties of RabbitMQ 4.0>'


def test_headers_are_plain_whatever_they_were_made_from() -> None:
    plain = {'n': 1, 'table': {'list': [1, {'deep': 'x'}]}}
    typed = [('n', (1, 'I')), ('table', ([('list', ([(1, 'I'), ({'deep': 'x'}, 'F')], 'A'))], 'F'))]
    for headers in (plain, typed):
        message = ReceivedMessage(b'', b'', b'', MessageProperties(headers=headers))
        assert message.headers == plain
    assert ReceivedMessage(b'', b'', b'').headers == {}
