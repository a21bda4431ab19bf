"""Messages, as they are made and as they come."""

from __future__ import annotations

import array
import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from coolamqp.framing.definitions import BasicContentPropertyList
from coolamqp.framing.text import ReceivedBytes
from coolamqp.objects import Message, MessageProperties, ReceivedMessage, ReceivedProperties
from coolamqp.objects.message import body_size, flat_body

FLOATS = array.array('d', [1.0, 2.0])
MATRIX = memoryview(bytes(range(6)))[::2]


def pickled(message: Message) -> Any:
    """Return what comes out of a pickle."""
    return pickle.loads(pickle.dumps(message))  # noqa: S301 - our own


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


def test_properties_by_keyword() -> None:
    message = Message(b'', delivery_mode=2, headers={'a': 1})
    assert message.properties == MessageProperties(delivery_mode=2, headers={'a': 1})
    over = Message(b'', {'app_id': 'us', 'priority': 3}, priority=4).properties
    assert over == MessageProperties(app_id='us', priority=4)
    with pytest.raises(TypeError, match="'type'; it is called type_"):
        Message(b'', type='x')  # type: ignore[call-arg]


def test_messages_are_values() -> None:
    message = Message(b'abc', priority=3)
    same = [Message(bytearray(b'abc'), priority=3), Message([memoryview(b'abc')], {'priority': 3})]
    for other in same:
        assert message == other
    assert len({message, *same}) == 1
    for different in (Message(b'abd', priority=3), Message(b'abc'), b'abc'):
        assert message != different


def test_a_received_message_is_itself_only() -> None:
    one, other = ReceivedMessage(b'', 'ex', 'key'), ReceivedMessage(b'', 'ex', 'key')
    assert one == one  # noqa: PLR0124 - that is what it is about
    assert len({one, other, Message(b'')}) == 3
    assert one != Message(b'')
    assert Message(b'') != one


class Job(Message):
    """A message of a program."""


@pytest.mark.parametrize('copy_of', [copy.copy, copy.deepcopy, pickled])
def test_copies_of_messages(copy_of: Callable[[Any], Any]) -> None:
    job = Job(memoryview(b'abc'), priority=3)
    job.number = 7  # type: ignore[attr-defined]
    made = copy_of(job)
    assert (type(made), type(made.body), made.number) == (Job, bytes, 7)
    assert made == job


@pytest.mark.parametrize('copy_of', [copy.copy, copy.deepcopy, pickled])
def test_copies_of_a_received_message_settle_nothing(copy_of: Callable[[Any], Any]) -> None:
    calls: list[str] = []
    original = received(calls)
    original.properties = MessageProperties(headers={'n': 1})
    made = copy_of(original)
    assert (made.body, made.exchange_name, made.routing_key) == (b'body', b'ex', b'key')
    assert (made.delivery_tag, made.headers, made.acked) == (5, {'n': 1}, False)
    made.ack()
    assert calls == []


def received(calls: list[str]) -> ReceivedMessage:
    return ReceivedMessage(
        b'body', 'ex', b'key', None, 5, lambda: calls.append('ack'), lambda: calls.append('nack')
    )


def test_a_received_message_is_acked_once() -> None:
    calls: list[str] = []
    message = received(calls)
    assert isinstance(message, Message)
    assert (message.exchange_name, message.routing_key, message.delivery_tag) == (b'ex', b'key', 5)
    for method in (message.ack, message.ack, message.nack):
        method()
        assert message.acked
    assert calls == ['ack']


def test_a_received_message_is_nacked_once() -> None:
    calls: list[str] = []
    message = received(calls)
    for method in (message.nack, message.ack, message.nack, message.reject):
        method()
        assert not message.acked
    assert calls == ['nack']


def test_a_received_message_of_nobody() -> None:
    for method in (ReceivedMessage.ack, ReceivedMessage.nack):
        message = ReceivedMessage(b'body', 'ex', 'key')
        method(message)
        assert message.delivery_tag is None


def test_what_a_received_message_holds_is_bytes() -> None:
    message = ReceivedMessage(b'', 'ex', b'key', MessageProperties(reply_to='q'))
    message.exchange_name = 'other'
    for text in (message.exchange_name, message.routing_key, message.properties.reply_to):
        assert isinstance(text, ReceivedBytes)
    assert message.properties == MessageProperties(reply_to='q')
    assert isinstance(message.properties, ReceivedProperties)


def test_flags_may_be_numbers() -> None:
    calls: list[str] = []
    received(calls).ack(1)
    received(calls).nack(1, 0)
    received(calls).reject(0)
    assert calls == ['ack', 'nack', 'nack']


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


# JSON


def received_body(body: Any) -> ReceivedMessage:
    return ReceivedMessage(body, '', '')


@pytest.mark.parametrize(
    ('value', 'body'),
    [
        ({'order': 17, 'paid': None}, b'{"order":17,"paid":null}'),
        (['crème', 1.5], '["crème",1.5]'.encode()),
        (True, b'true'),
    ],
)
def test_a_value_is_published_as_compact_json(value: Any, body: bytes) -> None:
    message = Message.json(value, message_id='m')
    assert type(message) is Message
    assert message.body == body
    assert message.properties.get('content_type') == 'application/json'
    assert message.properties.get('message_id') == 'm'
    assert received_body(body).json() == value


def test_a_program_may_name_the_content_type_and_the_encoder() -> None:
    message = Message.json(5, {'content_type': 'application/x'}, dumps=lambda value: f'<{value}>')
    assert (message.body, message.properties.get('content_type')) == (b'<5>', 'application/x')
    assert received_body(memoryview(b'<5>')).json(loads=lambda text: text[1:-1]) == b'5'


def test_json_is_read_from_a_body_in_pieces() -> None:
    assert received_body([memoryview(b'[1,'), memoryview(b'2]')]).json() == [1, 2]


@pytest.mark.parametrize(('value', 'error'), [(float('nan'), ValueError), ({1, 2}, TypeError)])
def test_what_json_does_not_have_is_not_published(value: object, error: type[Exception]) -> None:
    with pytest.raises(error, match='JSON'):
        Message.json(value)


def test_a_body_that_is_no_json_is_an_error() -> None:
    with pytest.raises(ValueError, match='Expecting value'):
        received_body(b'no json').json()
