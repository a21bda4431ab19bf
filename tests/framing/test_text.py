"""Strings in and out."""

from __future__ import annotations

import pytest

from coolamqp.framing.text import ReceivedBytes, name_bytes, short_bytes, text_bytes


def test_a_received_string_is_bytes_that_answer_tobytes() -> None:
    received = ReceivedBytes(b'queue')

    assert received == b'queue'
    assert {b'queue': 1}[received] == 1
    assert type(received.tobytes()) is bytes
    assert received.tobytes() == b'queue'


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        ('zażółć', b'za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87'),
        (b'\xff\x00', b'\xff\x00'),
        (bytearray(b'abc'), b'abc'),
        (memoryview(b'abcd')[1:3], b'bc'),
        ('', b''),
    ],
)
def test_str_is_sent_as_utf_8_and_bytes_as_they_are(given: object, expected: bytes) -> None:
    assert text_bytes(given, 'queue') == expected
    assert short_bytes(given, 'queue') == expected


@pytest.mark.parametrize('wrong', [None, 5, ['a'], object()])
def test_anything_else_is_an_error_that_names_the_field(wrong: object) -> None:
    with pytest.raises(TypeError, match=f'^queue must be str or bytes, not {type(wrong).__name__}'):
        text_bytes(wrong, 'queue')


def test_a_lone_surrogate_is_an_error_that_names_the_field() -> None:
    with pytest.raises(ValueError, match=r"^queue is 'a\\ud800', which UTF-8 cannot encode"):
        text_bytes('a\ud800', 'queue')


def test_a_short_string_has_at_most_255_bytes_not_characters() -> None:
    assert len(short_bytes('ż' * 127 + 'z', 'queue')) == 255
    with pytest.raises(ValueError, match=r'^queue is 256 bytes long; AMQP allows at most 255'):
        short_bytes('ż' * 128, 'queue')


def test_a_name_must_be_utf_8() -> None:
    for good in ('ż', 'ż'.encode(), memoryview(b'z')):
        assert name_bytes(good, 'queue') == short_bytes(good, 'queue')
    with pytest.raises(ValueError, match=r"^queue is b'q\\xff'; RabbitMQ accepts only UTF-8"):
        name_bytes(b'q\xff', 'queue')
