"""The reply codes of AMQP 0-9-1, under the two names that programs import them by."""

from __future__ import annotations

import pytest

from coolamqp import exceptions, reply_codes
from coolamqp.exceptions import AMQPError
from coolamqp.framing import definitions

# https://www.rabbitmq.com/amqp-0-9-1-reference#constants: name, code, and the kind of error
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


def test_all_codes_are_those_of_the_specification() -> None:
    codes = {name: value for name, value in vars(reply_codes).items() if isinstance(value, int)}
    assert codes == {name: code for name, (code, _) in CODES.items()}
    assert exceptions.RESOURCE_LOCKED == 405


@pytest.mark.parametrize(('name', 'code', 'kind'), [(n, c, k) for n, (c, k) in CODES.items()])
def test_a_code_is_hard_or_soft_or_no_error(name: str, code: int, kind: str | None) -> None:
    assert getattr(definitions, name) == code
    assert AMQPError(code).is_hard_error() == (kind == 'hard')
    for module in (definitions, exceptions, reply_codes):
        assert (code in module.HARD_ERRORS) == (kind == 'hard')
        assert (code in module.SOFT_ERRORS) == (kind == 'soft')
