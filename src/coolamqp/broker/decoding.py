"""Decoding of methods, and the errors of RabbitMQ for malformed methods."""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

from coolamqp.broker.errors import Refusal
from coolamqp.exceptions import WireError
from coolamqp.framing.definitions import decode_method
from coolamqp.framing.method import SHORT_STRING, TABLE, Method, layout
from coolamqp.framing.text import text_bytes
from coolamqp.reply_codes import FRAME_ERROR, SYNTAX_ERROR

_INDEX_SIZE: Final = 4  # class and method id, in bytes
_SHOWN_BYTES_MAX: Final = 64


def decode(payload: bytes) -> Method:
    """Decode the payload of a method frame.

    :raises Refusal: the method does not exist, or the bytes are not its fields
    """
    try:
        method = decode_method(payload)
    except WireError as error:
        raise undecodable(error, payload) from None
    for name, kind in layout(type(method)):
        value = getattr(method, name)
        if kind == SHORT_STRING and not _is_utf8(value):
            raise Refusal(FRAME_ERROR, 'Malformed UTF-8 in shortstr')
        # Erlang cannot decode these floats, and the connection process of RabbitMQ crashes.
        if kind == TABLE and not is_finite(value, 'F'):
            raise Refusal(FRAME_ERROR, f'cannot decode {erlang_binary(payload[_INDEX_SIZE:])}')
    return method


def is_finite(value: Any, letter: str) -> bool:
    """Whether all floats in a decoded value are finite; Erlang has no others."""
    if letter in ('f', 'd'):
        return isfinite(value)
    if letter == 'A':
        return all(is_finite(*each) for each in value)
    if letter == 'F':
        return all(is_finite(*each) for _, each in value)
    return True


def undecodable(error: WireError, payload: bytes) -> Refusal:
    """Return the error for a method with malformed fields."""
    if len(payload) < _INDEX_SIZE:
        return Refusal(FRAME_ERROR, error.what)
    if error.reply_code != SYNTAX_ERROR:
        return Refusal(error.reply_code, error.what)
    return Refusal(FRAME_ERROR, f'cannot decode {erlang_binary(payload[_INDEX_SIZE:])}')


def erlang_binary(data: bytes) -> str:
    """Return bytes as Erlang writes them: as text if all can be printed, else as numbers."""
    shown = data[:_SHOWN_BYTES_MAX]
    if shown and shown.isascii() and shown.decode('ascii').isprintable():
        return f'<<"{shown.decode("ascii")}">>'
    return f'<<{",".join(map(str, shown))}>>'


def _is_utf8(value: str | bytes) -> bool:
    try:
        text_bytes(value, 'name').decode('utf-8')
    except UnicodeDecodeError:
        return False
    return True
