"""coolamqp.objects.MessageProperties, row by row."""

from __future__ import annotations

import io
from typing import Any

import pytest

from coolamqp.argumentify import argumentify
from coolamqp.framing.definitions import BasicContentPropertyList
from coolamqp.objects import Message, MessageProperties

EVERY: dict[str, Any] = {
    'content_type': b'text/plain',
    'content_encoding': b'utf8',
    'headers': {'a': 1},
    'delivery_mode': 2,
    'priority': 5,
    'correlation_id': b'17',
    'reply_to': b'answers',
    'expiration': b'60000',
    'message_id': b'18',
    'timestamp': 1_700_000_000,
    'type_': b'greeting',
    'user_id': b'guest',
    'app_id': b'tests',
    'reserved': b'x',
}


def through_the_wire(properties: MessageProperties) -> MessageProperties:
    buffer = io.BytesIO()
    properties.write_to(buffer)
    return MessageProperties.from_buffer(buffer.getvalue(), 0)


def test_properties_have_three_names() -> None:
    assert MessageProperties is Message.Properties is BasicContentPropertyList


def test_properties_are_given_by_keyword_and_read_back() -> None:
    properties = MessageProperties(**EVERY)
    for name, value in EVERY.items():
        assert getattr(properties, name) == value
        assert properties.get(name) == value


def test_properties_are_not_given_by_position() -> None:
    with pytest.raises(TypeError):
        MessageProperties('text/plain')  # type: ignore[call-arg]


def test_properties_that_do_not_exist_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match='contenttype'):
        MessageProperties(contenttype='text/plain')  # type: ignore[call-arg]


@pytest.mark.parametrize('name', EVERY)
def test_properties_that_are_not_passed_are_not_sent_and_read_as_none(name: str) -> None:
    properties = through_the_wire(MessageProperties(**{name: EVERY[name]}))

    present = {each for each in EVERY if getattr(properties, each) is not None}
    assert present == {name}
    assert MessageProperties().get_size() == 2  # the flags


def test_properties_get_gives_a_default() -> None:
    properties = MessageProperties(priority=0)
    assert properties.get('priority', 9) == 0
    assert properties.get('app_id') is None
    assert properties.get('app_id', b'nobody') == b'nobody'


@pytest.mark.parametrize('name', EVERY)
def test_properties_are_immutable(name: str) -> None:
    properties = MessageProperties(**EVERY)
    with pytest.raises(AttributeError):
        setattr(properties, name, EVERY[name])
    with pytest.raises(AttributeError):
        properties.another = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    'headers',
    [
        {'name': 'value', 'number': 1},
        {b'name': b'value', b'number': 1},
        [('name', 'value'), ('number', 1)],
        argumentify({'name': 'value', 'number': 1}),
        [(b'name', (b'value', 'S')), (b'number', (1, 'I'))],
    ],
    ids=['str', 'bytes', 'pairs', 'argumentify', 'typed'],
)
def test_properties_headers_in_each_form(headers: Any) -> None:
    received = through_the_wire(MessageProperties(headers=headers))
    assert received.headers == [(b'name', (b'value', 'S')), (b'number', (1, 'I'))]


def test_properties_typize_makes_a_constructor() -> None:
    make = MessageProperties.typize('content_type', 'content_encoding')
    properties = make('application/json', 'utf8')
    assert properties == MessageProperties(content_type='application/json', content_encoding='utf8')
    with pytest.raises(ValueError, match='contenttype'):
        MessageProperties.typize('contenttype')


def test_properties_write_read_and_measure_themselves() -> None:
    properties = MessageProperties(**EVERY)
    buffer = io.BytesIO()
    properties.write_to(buffer)
    written = buffer.getvalue()

    assert len(written) == properties.get_size()
    assert MessageProperties(content_type='ab').get_size() == 2 + 1 + 2
    read = MessageProperties.from_buffer(b'before' + written + b'after', 6)
    for name in EVERY.keys() - {'headers'}:
        assert getattr(read, name) == EVERY[name]
    assert read.get_size() == len(written)


@pytest.mark.parametrize(
    ('name', 'value', 'error', 'words'),
    [
        ('content_type', 'x' * 256, ValueError, 'content_type is 256 bytes.*at most 255'),
        ('app_id', 5, TypeError, 'app_id must be str or bytes, not int'),
        ('delivery_mode', 3, ValueError, 'delivery_mode is 3; it must be 1.*2'),
        ('priority', 256, ValueError, 'priority'),
        ('priority', 'high', TypeError, 'priority'),
        ('timestamp', -1, ValueError, 'timestamp'),
        ('headers', {'a': object()}, TypeError, r"headers\['a'\].*object.*must be"),
    ],
)
def test_properties_that_cannot_be_sent(
    name: str, value: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        MessageProperties(**{name: value})
    with pytest.raises(error, match=words):
        Message(b'', {name: value})
