"""coolamqp.exceptions and the reply codes of coolamqp.framing.definitions, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.exceptions import (
    HARD_ERRORS,
    RESOURCE_LOCKED,
    AMQPError,
    ConnectionDead,
    CoolAMQPError,
)
from coolamqp.framing import definitions
from coolamqp.framing.definitions import ChannelClose, ConnectionClose

# https://www.rabbitmq.com/amqp-0-9-1-reference#constants: name, code, and what kind of error it is
CODES = {
    'REPLY_SUCCESS': (200, None),
    'CONTENT_TOO_LARGE': (311, 'soft'),
    'NO_ROUTE': (312, 'soft'),
    'NO_CONSUMERS': (313, 'soft'),
    'CONNECTION_FORCED': (320, 'hard'),
    'INVALID_PATH': (402, 'hard'),
    'ACCESS_REFUSED': (403, 'soft'),
    'NOT_FOUND': (404, 'soft'),
    'RESOURCE_LOCKED': (405, 'soft'),
    'PRECONDITION_FAILED': (406, 'soft'),
    'FRAME_ERROR': (501, 'hard'),
    'SYNTAX_ERROR': (502, 'hard'),
    'COMMAND_INVALID': (503, 'hard'),
    'CHANNEL_ERROR': (504, 'hard'),
    'UNEXPECTED_FRAME': (505, 'hard'),
    'RESOURCE_ERROR': (506, 'hard'),
    'NOT_ALLOWED': (530, 'hard'),
    'NOT_IMPLEMENTED': (540, 'hard'),
    'INTERNAL_ERROR': (541, 'hard'),
}


@pytest.mark.parametrize('kind', [ConnectionDead, AMQPError])
def test_exceptions_are_coolamqp_errors(kind: type[Exception]) -> None:
    assert issubclass(kind, CoolAMQPError)
    assert issubclass(CoolAMQPError, Exception)


@pytest.mark.parametrize(
    'error',
    [
        AMQPError(404, b'no queue', 50, 10),
        AMQPError(ConnectionClose(404, b'no queue', 50, 10)),
        AMQPError(ChannelClose(404, b'no queue', 50, 10)),
    ],
    ids=['fields', 'connection.close', 'channel.close'],
)
def test_amqp_error_has_the_four_fields(error: AMQPError) -> None:
    assert (error.reply_code, error.reply_text) == (404, b'no queue')
    assert (error.class_id, error.method_id) == (50, 10)


@pytest.mark.parametrize(
    'text', ['no queue', b'no queue', bytearray(b'no queue'), memoryview(b'no queue')]
)
def test_amqp_error_shows_code_and_text_of_any_type(text: Any) -> None:
    error = AMQPError(404, text, 50, 10)
    for shown in (str(error), repr(error)):
        assert '404' in shown
        assert 'no queue' in shown


@pytest.mark.parametrize(('name', 'code', 'kind'), [(n, c, k) for n, (c, k) in CODES.items()])
def test_reply_codes(name: str, code: int, kind: str | None) -> None:
    assert getattr(definitions, name) == code
    assert AMQPError(code, b'', 0, 0).is_hard_error() == (kind == 'hard')
    assert (code in HARD_ERRORS) == (code in definitions.HARD_ERRORS) == (kind == 'hard')
    assert (code in definitions.SOFT_ERRORS) == (kind == 'soft')


def test_resource_locked_is_an_exception_name_too() -> None:
    assert RESOURCE_LOCKED == definitions.RESOURCE_LOCKED == 405
