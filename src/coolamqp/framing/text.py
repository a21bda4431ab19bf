"""Short and long strings, received and to be sent.

AMQP strings are bytes (section 4.2.5.3). A received string is a `ReceivedBytes`. A string to send
may be bytes, or `str`, which is sent as UTF-8.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from mypy_extensions import mypyc_attr

Text: TypeAlias = str | bytes

SHORT_STRING_BYTES_MAX: Final = 255


@mypyc_attr(native_class=False)  # mypyc has no native subclasses of builtins
class ReceivedBytes(bytes):
    """A received string: bytes that also have `tobytes()`, for programs of CoolAMQP 2.x."""

    __slots__ = ()

    def tobytes(self) -> bytes:
        """Return the same as plain bytes."""
        return bytes(self)


def text_bytes(value: object, field: str) -> bytes:
    """Return text as bytes; str becomes UTF-8.

    :param field: name for the error messages
    :raises TypeError: the value is neither str nor bytes-like
    :raises ValueError: the value is a str with lone surrogates
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
    """Return text as the bytes of a short string; str becomes UTF-8.

    :param field: name for the error messages
    :raises TypeError: the value is neither str nor bytes-like
    :raises ValueError: the text has over 255 bytes, or is a str with lone surrogates
    """
    encoded = text_bytes(value, field)
    if len(encoded) > SHORT_STRING_BYTES_MAX:
        raise ValueError(
            f'{field} is {len(encoded)} bytes long; AMQP allows at most {SHORT_STRING_BYTES_MAX}'
        )
    return encoded


def name_bytes(value: object, field: str) -> bytes:
    """Return a name or a binding key as the bytes of a short string; str becomes UTF-8.

    RabbitMQ closes the connection if a short string in a method is no UTF-8; except for a routing
    key to publish with.

    :param field: name for the error messages
    :raises TypeError: the value is neither str nor bytes-like
    :raises ValueError: the text has over 255 bytes, or is no UTF-8
    """
    encoded = short_bytes(value, field)
    if not isinstance(value, str):
        try:
            encoded.decode('utf-8')
        except UnicodeDecodeError:
            raise ValueError(f'{field} is {encoded!r}; RabbitMQ accepts only UTF-8') from None
    return encoded
