"""What can go wrong, as programs see it."""

from __future__ import annotations

import pickle

import pytest

from coolamqp.exceptions import (
    AMQPError,
    ConnectionDead,
    CoolAMQPError,
    MessageRefused,
    WireError,
)
from coolamqp.framing import definitions
from coolamqp.framing.definitions import ChannelClose, ConnectionClose


def attributes(error: AMQPError) -> tuple[object, ...]:
    return error.reply_code, error.reply_text, error.class_id, error.method_id


@pytest.mark.parametrize('kind', [AMQPError, ConnectionDead, WireError])
def test_every_error_is_a_coolamqp_error(kind: type[Exception]) -> None:
    assert issubclass(kind, CoolAMQPError)


def test_an_amqp_error_is_made_from_its_fields() -> None:
    assert attributes(AMQPError(404, b'no queue', 50, 10)) == (404, b'no queue', 50, 10)
    assert attributes(AMQPError(404)) == (404, b'', 0, 0)


@pytest.mark.parametrize('close', [ConnectionClose, ChannelClose])
def test_an_amqp_error_is_made_from_a_close_method(
    close: type[ConnectionClose | ChannelClose],
) -> None:
    assert attributes(AMQPError(close(404, b'no queue', 50, 10))) == (404, b'no queue', 50, 10)


@pytest.mark.parametrize(
    ('text', 'shown'),
    [
        ('zażółć', 'zażółć'),
        ('zażółć'.encode(), 'zażółć'),
        (b'\xff', '\\xff'),
        (bytearray(b'no queue'), 'no queue'),
        (memoryview(b'no queue'), 'no queue'),
        (definitions.decode_method(b'\x00\x0a\x00\x3c\x02no').reason, 'no'),  # type: ignore[attr-defined]
    ],
)
def test_an_amqp_error_shows_code_and_text_of_any_type(text: bytes | str, shown: str) -> None:
    error = AMQPError(404, text, 50, 10)

    assert str(error) == f'404: {shown}'
    assert repr(error) == f'AMQPError(404, {shown!r}, class_id=50, method_id=10)'


def test_a_wire_error_says_what_and_where_and_how_bad() -> None:
    error = WireError('a frame ends badly', 'at byte 7 of the stream', 501)

    assert str(error) == 'a frame ends badly, at byte 7 of the stream (reply code 501)'
    assert (error.what, error.where, error.reply_code) == (
        'a frame ends badly',
        'at byte 7 of the stream',
        501,
    )


@pytest.mark.parametrize(
    'error',
    [AMQPError(404, b'no queue', 50, 10), WireError('what', 'where', 501), ConnectionDead('gone')],
)
def test_errors_can_be_sent_to_another_process(error: CoolAMQPError) -> None:
    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own

    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)


def test_a_refused_message_says_so_and_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(MessageRefused()))  # noqa: S301 - our own bytes
    assert isinstance(error, CoolAMQPError)
    assert 'refused' in str(error)
