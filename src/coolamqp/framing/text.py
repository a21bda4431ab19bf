"""Short and long strings, as they come and as they go.

AMQP strings are bytes (section 4.2.5.3). What comes in is a `ReceivedBytes`; what goes out may be
`str`, sent as UTF-8, or bytes.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from mypy_extensions import mypyc_attr

Text: TypeAlias = str | bytes

SHORT_STRING_MAX: Final = 255


@mypyc_attr(native_class=False)  # mypyc has no native subclasses of builtins
class ReceivedBytes(bytes):
    """A received string: bytes that also have `tobytes()`, for programs of CoolAMQP 2.x."""

    __slots__ = ()

    def tobytes(self) -> bytes:
        """Give the same as plain bytes."""
        return bytes(self)


def text_bytes(value: object, field: str) -> bytes:
    """Turn str or bytes-like into bytes; TypeError that names the field for anything else.

    A str with lone surrogates is a ValueError that names it too.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return _utf8(value, field)
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    hint = '; give its name' if hasattr(value, 'name') else ''
    raise TypeError(f'{field} must be str or bytes, not {type(value).__name__}{hint}')


def _utf8(value: str, field: str) -> bytes:
    try:
        return value.encode('utf-8')
    except UnicodeEncodeError as error:
        raise ValueError(f'{field} is {value!r}, which UTF-8 cannot encode') from error


def short_bytes(value: object, field: str) -> bytes:
    """Like `text_bytes`, for a short string: ValueError if it is over 255 bytes."""
    encoded = text_bytes(value, field)
    if len(encoded) > SHORT_STRING_MAX:
        raise ValueError(
            f'{field} is {len(encoded)} bytes long; AMQP allows at most {SHORT_STRING_MAX}'
        )
    return encoded
