"""What all methods have in common."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolamqp.exceptions import WireError
from coolamqp.framing.definitions import (
    METHODS,
    BasicAck,
    BasicPublish,
    BasicQos,
    ConnectionClose,
    ConnectionSecure,
    QueueDeclare,
    decode_method,
)
from coolamqp.framing.frames import METHOD_INDEX
from coolamqp.framing.method import layout
from coolamqp.framing.text import ReceivedBytes
from tests.framing.strategies import methods

if TYPE_CHECKING:
    from collections.abc import Callable

    from coolamqp.framing.method import Method


def payload_of(method: Method) -> bytes:
    return METHOD_INDEX.pack(*method.INDEX) + method.encode_arguments()


@given(methods)
def test_every_method_comes_back_as_it_went(method: Method) -> None:
    assert decode_method(payload_of(method)) == method


@given(methods, st.binary(max_size=8))
def test_from_buffer_write_arguments_and_get_size_agree(method: Method, before: bytes) -> None:
    buffer = BytesIO()
    method.write_arguments(buffer)
    arguments = buffer.getvalue()

    assert arguments == method.encode_arguments()
    assert method.get_size() == len(arguments)
    assert type(method).from_buffer(arguments) == method
    assert type(method).from_buffer(memoryview(before + arguments + b'\xce'), len(before)) == method


@pytest.mark.parametrize('cls', METHODS.values(), ids=lambda cls: cls.NAME)
def test_a_method_has_a_default_for_every_field(cls: type[Method]) -> None:
    method = cls()
    decoded = decode_method(payload_of(method))

    assert type(decoded) is cls
    for name, kind in layout(cls):
        empty = [] if kind == 'table' else getattr(method, name)
        assert getattr(decoded, name) == empty


@pytest.mark.parametrize('cls', METHODS.values(), ids=lambda cls: cls.NAME)
def test_a_method_that_is_cut_short_anywhere_is_an_error(cls: type[Method]) -> None:
    payload = payload_of(cls())
    for end in range(len(payload)):
        with pytest.raises(WireError):
            decode_method(payload[:end])


@pytest.mark.parametrize('cls', METHODS.values(), ids=lambda cls: cls.NAME)
def test_a_method_that_goes_on_after_its_fields_is_an_error(cls: type[Method]) -> None:
    payload = payload_of(cls())

    with pytest.raises(WireError) as caught:
        decode_method(payload + b'\x00\x00')
    assert caught.value.what == '2 bytes too many'
    assert caught.value.where == f'in {cls.NAME} at offset {len(payload)}'


def test_fields_are_passed_by_position_or_by_name() -> None:
    by_position = BasicPublish('news', 'sport', True, False)
    by_name = BasicPublish(exchange='news', routing_key='sport', mandatory=True, immediate=False)

    assert by_position == by_name
    assert (by_position.exchange, by_position.mandatory) == ('news', True)
    assert by_position != BasicPublish('news', 'sport', False, False)


def test_the_repr_shows_the_fields() -> None:
    assert repr(BasicAck(7, True)) == 'BasicAck(delivery_tag=7, multiple=True)'


def test_strings_arrive_as_received_bytes() -> None:
    decoded = decode_method(payload_of(ConnectionClose(320, 'bye', 0, 0)))

    assert isinstance(decoded, ConnectionClose)
    assert isinstance(decoded.reply_text, ReceivedBytes)
    assert decoded.reply_text.tobytes() == b'bye'


def test_a_long_string_may_be_long() -> None:
    assert ConnectionSecure('x' * 1000).get_size() == 1004


@pytest.mark.parametrize(
    ('cls', 'field', 'error', 'message'),
    [
        (QueueDeclare, {'queue': 'q' * 256}, ValueError, '^queue is 256 bytes long; AMQP allows'),
        (QueueDeclare, {'queue': 5}, TypeError, '^queue must be str or bytes, not int'),
        (QueueDeclare, {'arguments': 5}, TypeError, '^arguments must be a dict or'),
        (QueueDeclare, {'arguments': {'a': {1}}}, TypeError, r"^arguments\['a'\] is a set"),
        (
            BasicQos,
            {'prefetch_count': 65536},
            ValueError,
            '^prefetch_count is 65536; it must',
        ),
        (BasicQos, {'prefetch_size': -1}, ValueError, '^prefetch_size is -1'),
        (BasicAck, {'delivery_tag': 2**64}, ValueError, '^delivery_tag is 18446744073709551616'),
        (BasicAck, {'delivery_tag': '1'}, TypeError, '^delivery_tag must be an int, not str'),
        (
            ConnectionSecure,
            {'challenge': None},
            TypeError,
            '^challenge must be str or bytes',
        ),
    ],
)
def test_a_wrong_field_is_an_error_that_names_it(
    cls: Callable[..., Method], field: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        cls(**field).encode_arguments()


@given(methods, st.data())
def test_a_mutated_method_is_a_method_or_an_error(method: Method, data: st.DataObject) -> None:
    payload = bytearray(payload_of(method))
    payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    decoded: Any = None
    try:
        decoded = decode_method(bytes(payload))
    except WireError:
        return
    assert type(decoded) in METHODS.values()


@given(st.sampled_from(sorted(METHODS)), st.binary())
def test_garbage_is_a_method_or_an_error(index: tuple[int, int], data: bytes) -> None:
    for payload in (data, METHOD_INDEX.pack(*index) + data):
        try:
            decode_method(payload)
        except WireError:
            continue
