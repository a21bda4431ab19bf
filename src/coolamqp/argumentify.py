"""Arguments in the typed form; text as bytes or as str."""

from __future__ import annotations

from typing import Any

from coolamqp.framing.field_table import Arguments, is_typed, letter_of, table_items
from coolamqp.framing.text import short_bytes, text_bytes

__all__ = ['argumentify', 'tobytes', 'toutf8']


def argumentify(arguments: Arguments) -> list[tuple[bytes, tuple[Any, str]]]:
    """Return arguments in the typed form: a list of `(name, (value, type letter))`.

    :param arguments: None, a dict, or a list of pairs, whose values are plain or already typed
    :raises TypeError: a value that no field table can hold
    """
    result = []
    for name, value in table_items(arguments, 'arguments'):
        typed = value if is_typed(value) else (value, letter_of(value, f'arguments[{name!r}]'))
        result.append((short_bytes(name, 'argument name'), typed))
    return result


def tobytes(value: str | bytes | memoryview) -> bytes:
    """Return text as bytes; str becomes UTF-8."""
    return text_bytes(value, 'value')


def toutf8(value: str | bytes | memoryview) -> str:
    """Return text as str; bytes must be UTF-8."""
    return value if isinstance(value, str) else bytes(value).decode('utf-8')
