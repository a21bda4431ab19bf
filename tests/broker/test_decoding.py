"""Decoding methods, and the errors of RabbitMQ."""

from __future__ import annotations

import struct
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolamqp.broker.decoding import decode, erlang_binary
from coolamqp.broker.errors import Refusal
from coolamqp.framing.definitions import QueueDeclare, QueueDelete
from coolamqp.framing.frames import METHOD_INDEX
from coolamqp.framing.method import Method
from tests.framing.strategies import methods


def payload(method: Method) -> bytes:
    return METHOD_INDEX.pack(*method.INDEX) + method.encode_arguments()


def test_a_method() -> None:
    assert decode(payload(QueueDelete('q', if_empty=True))) == QueueDelete(b'q', if_empty=True)


@pytest.mark.parametrize(
    ('data', 'code', 'text'),
    [
        (b'', 501, 'a method frame without a method'),
        (b'\0\x32\xff\xff', 540, 'there is no method 50.65535'),
        (b'\0\0\0\0', 503, 'there is no method 0.0'),
        (payload(QueueDeclare('q'))[:-2], 501, 'cannot decode <<0,0,1,113,0,0,0>>'),
        (payload(QueueDelete('q')) + b'x', 501, 'cannot decode <<0,0,1,113,0,120>>'),
        (payload(QueueDelete(b'\xff')), 501, 'Malformed UTF-8 in shortstr'),
    ],
)
def test_what_is_no_method_is_refused(data: bytes, code: int, text: str) -> None:
    with pytest.raises(Refusal) as caught:
        decode(data)

    assert (caught.value.reply_code, caught.value.what) == (code, text)


@pytest.mark.parametrize('number', [nan, inf, -inf])
def test_a_float_that_is_not_finite_is_refused(number: float) -> None:
    data = payload(QueueDeclare('q', arguments={'a': [{'b': 1.5}]}))
    decode(data)

    with pytest.raises(Refusal, match='cannot decode'):
        decode(data.replace(struct.pack('>d', 1.5), struct.pack('>d', number)))


@pytest.mark.parametrize(
    ('data', 'shown'),
    [(b'', '<<>>'), (b'abc', '<<"abc">>'), (b'a\0', '<<97,0>>'), (b'\xff', '<<255>>')],
)
def test_bytes_are_shown_as_erlang_does(data: bytes, shown: str) -> None:
    assert erlang_binary(data) == shown


@given(st.binary(max_size=100) | methods.map(payload).map(lambda data: data[:100]))
def test_any_bytes_are_a_method_or_refused(data: bytes) -> None:
    try:
        method = decode(data)
    except Refusal as error:
        refusal = error
    else:
        assert isinstance(method, Method)
        return
    assert refusal.is_hard
    assert len(refusal.reply_text) <= 255
