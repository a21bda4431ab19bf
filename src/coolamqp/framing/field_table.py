"""Field tables (section 4.2.5.5), with the type letters as RabbitMQ reads and writes them.

A table to encode is a dict, a list of pairs, or in the typed form: a list of
`(name, (value, letter))`, in which an array is a list of `(value, letter)`. A decoded table is
always in the typed form; `plain_table` turns it into a dict.

The letter of a plain Python value:

=========================  ======================================================
bool                       ``t``
int                        ``I`` if 32 bits hold it, else ``l``, of 64 bits
float                      ``d``
Decimal                    ``D``
str, bytes                 ``S`` (queue arguments must be long strings, so bytes are)
bytearray, memoryview      ``x``, a binary value
datetime                   ``T``, whole seconds; in UTC if it has no time zone
dict                       ``F``
list, tuple                ``A``; but see the next row
(value, letter)            that letter, such as ``(5, 'B')``
None                       ``V``
=========================  ======================================================

https://www.rabbitmq.com/amqp-0-9-1-errata.html#section_3 lists the letters.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Context, Decimal
from math import isfinite
from struct import Struct
from typing import Any, Final, Protocol, TypeAlias

from coolamqp.exceptions import WireError
from coolamqp.framing.primitives import LONG, Reader
from coolamqp.framing.text import Text, short_bytes, text_bytes
from coolamqp.reply_codes import SYNTAX_ERROR

TypedValue: TypeAlias = tuple[Any, str]
TypedTable: TypeAlias = list[tuple[bytes, TypedValue]]
Arguments: TypeAlias = Mapping[Any, Any] | Iterable[tuple[Any, Any]] | None

NESTING_LEVELS_MAX: Final = 64
EMPTY_TABLE: Final = b'\x00\x00\x00\x00'

_NUMBERS: Final = {
    'b': Struct('>b'),
    'B': Struct('>B'),
    's': Struct('>h'),
    'u': Struct('>H'),
    'I': Struct('>i'),
    'i': Struct('>I'),
    'l': Struct('>q'),
    'L': Struct('>Q'),
    'f': Struct('>f'),
    'd': Struct('>d'),
    'T': Struct('>Q'),
}
_RANGES: Final = {
    letter: (
        (-(1 << 8 * packer.size - 1), (1 << 8 * packer.size - 1) - 1)
        if letter in 'bsIl'
        else (0, (1 << 8 * packer.size) - 1)
    )
    for letter, packer in _NUMBERS.items()
    if letter not in 'fd'
}
_DECIMAL: Final = Struct('>Bi')
_DECIMAL_SCALE_MAX: Final = 255
_DECIMAL_DIGITS: Final = 10  # of 31 bits
# The context of the thread may have less precision.
_EXACT: Final = Context(prec=_DECIMAL_DIGITS)
_PAIR: Final = 2


class WritableBuffer(Protocol):
    """Anything with the `write` of a binary file."""

    def write(self, data: bytes, /) -> Any:
        """Write bytes."""


# Writing


def letter_of(value: object, path: str) -> str:
    """Return the type letter of a plain value.

    :param path: name of the value in error messages
    :raises TypeError: no letter fits
    :raises ValueError: an int does not fit into 64 bits
    """
    if isinstance(value, bool):
        return 't'
    if isinstance(value, int):
        return _integer_letter(value, path)
    for kinds, letter in _LETTERS:
        if isinstance(value, kinds):
            return letter
    raise TypeError(
        f'{path} is a {type(value).__name__}, which no field table can hold; it must be a bool, '
        f'int, float, Decimal, str, bytes, datetime, dict, list, tuple or None'
    )


_LETTERS: Final[tuple[tuple[tuple[type, ...], str], ...]] = (
    ((str, bytes), 'S'),
    ((type(None),), 'V'),
    ((float,), 'd'),
    ((Mapping,), 'F'),
    ((list, tuple), 'A'),
    ((datetime,), 'T'),
    ((Decimal,), 'D'),
    ((bytearray, memoryview), 'x'),
)


def _integer_letter(value: int, path: str) -> str:
    for letter in ('I', 'l'):
        low, high = _RANGES[letter]
        if low <= value <= high:
            return letter
    # RabbitMQ 4 encodes headers anew, and reads the unsigned type L as a negative number.
    raise ValueError(f'{path} is {value}, which does not fit into 64 bits with a sign; give a str')


def is_typed(value: object) -> bool:
    """Whether a value is `(value, letter)` rather than plain."""
    return isinstance(value, tuple) and len(value) == _PAIR and _letter(value[1]) in _WRITERS


def _letter(given: object) -> str:
    if isinstance(given, bytes) and len(given) == 1:
        return chr(given[0])
    return given if isinstance(given, str) else ''


def table_items(table: Arguments, path: str) -> Iterable[tuple[Any, Any]]:
    """Return the pairs of a table in any of its forms.

    :param path: name of the table in error messages
    :raises TypeError: the table is in none of them
    """
    if table is None:
        return ()
    if isinstance(table, Mapping):
        return table.items()
    if isinstance(table, (list, tuple)):
        for pair in table:
            if not (isinstance(pair, tuple) and len(pair) == _PAIR):
                raise TypeError(f'{path} holds {pair!r} where a (name, value) pair should be')
        return table
    raise TypeError(f'{path} must be a dict or a list of pairs, not {type(table).__name__}')


def encode_table(table: Arguments, path: str = 'arguments', depth: int = 0) -> bytes:
    """Encode a table, its length in front.

    :param path: name of the table in error messages
    :raises TypeError: a value that no table can hold; the message names the key path
    :raises ValueError: a number out of range, a name over 255 bytes, or nesting over 64 levels
    """
    _check_depth(path, depth)
    if not table:
        table_items(table, path)
        return EMPTY_TABLE
    out = bytearray()
    for name, value in table_items(table, path):
        name_bytes = short_bytes(name, f'the name {name!r} in {path}')
        out.append(len(name_bytes))
        out += name_bytes
        _encode_value(out, value, f'{path}[{name!r}]', depth)
    return LONG.pack(len(out)) + out


def _encode_array(values: Iterable[Any], path: str, depth: int) -> bytes:
    _check_depth(path, depth)
    out = bytearray()
    for index, value in enumerate(values):
        _encode_value(out, value, f'{path}[{index}]', depth)
    return LONG.pack(len(out)) + out


def _check_depth(path: str, depth: int) -> None:
    if depth > NESTING_LEVELS_MAX:
        raise ValueError(f'{path[:120]}... is nested more than {NESTING_LEVELS_MAX} levels deep')


def _encode_value(out: bytearray, value: Any, path: str, depth: int) -> None:
    if is_typed(value):
        value, letter = value[0], _letter(value[1])
    else:
        letter = letter_of(value, path)
    out += letter.encode('ascii')
    try:
        out += _WRITERS[letter](value, path, depth)
    except (TypeError, AttributeError, struct.error) as error:
        if path in str(error):
            raise
        message = f'{path} is {value!r}, which type {letter!r} cannot hold'
        raise TypeError(message) from error


def _write_integer(letter: str) -> Callable[[Any, str, int], bytes]:
    packer = _NUMBERS[letter]
    low, high = _RANGES[letter]

    def write(value: Any, path: str, _depth: int) -> bytes:
        if not low <= value <= high:
            raise ValueError(
                f'{path} is {value}; type {letter!r} holds numbers from {low} to {high}'
            )
        return packer.pack(operator.index(value))  # refuses 1.5, which would be sent as 1

    return write


def _write_float(letter: str) -> Callable[[Any, str, int], bytes]:
    packer = _NUMBERS[letter]

    def write(value: Any, path: str, _depth: int) -> bytes:
        try:
            # Erlang has no others: RabbitMQ crashes, and says only 541 INTERNAL_ERROR.
            if not isfinite(value):
                raise ValueError(f'{path} is {value}; type {letter!r} holds finite numbers only')
            return packer.pack(value)
        except OverflowError as error:
            raise ValueError(f'{path} is {value}, too large for type {letter!r}') from error

    return write


def _write_timestamp(value: Any, path: str, depth: int) -> bytes:
    return _write_integer('T')(posix_seconds(value), path, depth)


def posix_seconds(value: Any) -> Any:
    """Return a datetime as whole seconds since 1970, in UTC if it has no time zone.

    Returns any other value as it is; encoding checks it.
    """
    if not isinstance(value, datetime):
        return value
    return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())


def _write_decimal(value: Any, path: str, _depth: int) -> bytes:
    number = value if isinstance(value, Decimal) else Decimal(operator.index(value))
    if not number.is_finite():
        raise ValueError(f'{path} is {number}; type D holds finite numbers only')
    exponent = int(number.as_tuple().exponent)
    scale = max(-exponent, 0)
    low, high = _RANGES['I']
    # Checks the number of digits first: writing out 1E+999999 would take long.
    if (number and number.adjusted() + scale >= _DECIMAL_DIGITS) or scale > _DECIMAL_SCALE_MAX:
        raise _no_decimal(path, number)
    unscaled = int(number.scaleb(scale, _EXACT))
    if not low <= unscaled <= high:
        raise _no_decimal(path, number)
    return _DECIMAL.pack(scale, unscaled)


def _no_decimal(path: str, number: Decimal) -> ValueError:
    return ValueError(f'{path} is {number}; type D holds 31 bits and 255 decimal places')


def _write_string(value: Any, path: str, _depth: int) -> bytes:
    encoded = text_bytes(value, path)
    return LONG.pack(len(encoded)) + encoded


def _write_table(value: Any, path: str, depth: int) -> bytes:
    return encode_table(value, path, depth + 1)


def _write_array(value: Any, path: str, depth: int) -> bytes:
    return _encode_array(value, path, depth + 1)


def _write_bool(value: Any, _path: str, _depth: int) -> bytes:
    return b'\x01' if value else b'\x00'


def _write_void(_value: Any, _path: str, _depth: int) -> bytes:
    return b''


_WRITERS: Final[dict[str, Callable[[Any, str, int], bytes]]] = {
    **{letter: _write_integer(letter) for letter in _RANGES},
    **{letter: _write_float(letter) for letter in 'fd'},
    't': _write_bool,
    'T': _write_timestamp,
    'D': _write_decimal,
    'S': _write_string,
    'x': _write_string,
    'F': _write_table,
    'A': _write_array,
    'V': _write_void,
}


# Reading


class _Level:
    """A table or array under decoding, and the offset of its end."""

    def __init__(self, is_table: bool, end: int) -> None:
        self.is_table = is_table
        self.end = end
        self.items: list[Any] = []


def read_table(reader: Reader) -> TypedTable:
    """Decode a table into its typed form.

    Keeps a stack of its own and does not recurse, however deep the nesting is.

    :raises WireError: a wrong length, an unknown letter, or nesting over 64 levels
    """
    outer_end = reader.end
    level = _open_level(reader, is_table=True)
    root = level.items
    outer: list[_Level] = []
    while True:
        while reader.offset == level.end:
            if not outer:
                reader.end = outer_end
                return root
            level = outer.pop()
            reader.end = level.end
        inner = _read_item(reader, level)
        if inner is not None:
            if len(outer) >= NESTING_LEVELS_MAX:
                raise reader.fail(f'a table is nested more than {NESTING_LEVELS_MAX} levels deep')
            outer.append(level)
            level = inner


def _open_level(reader: Reader, *, is_table: bool) -> _Level:
    size = reader.long()
    end = reader.offset + size
    if end > reader.end:
        raise reader.fail(f'a table of {size} bytes, where {reader.end - reader.offset} are left')
    reader.end = end
    return _Level(is_table, end)


def _read_item(reader: Reader, level: _Level) -> _Level | None:
    """Decode one value into the level; return the level that a table or an array opens."""
    name = reader.short_string() if level.is_table else None
    letter = chr(reader.octet())
    inner: _Level | None = None
    if letter in ('F', 'A'):
        inner = _open_level(reader, is_table=letter == 'F')
        value: Any = inner.items
    else:
        value = _read_scalar(reader, letter)
    typed = (value, letter)
    level.items.append(typed if name is None else (name, typed))
    return inner


def _read_scalar(reader: Reader, letter: str) -> Any:
    if letter in ('S', 'x'):
        return reader.long_string()
    if letter == 't':
        return reader.octet() != 0
    if letter in _NUMBERS:
        packer = _NUMBERS[letter]
        return packer.unpack_from(reader.data, reader.take(packer.size))[0]
    if letter == 'V':
        return None
    if letter == 'D':
        scale, unscaled = _DECIMAL.unpack_from(reader.data, reader.take(_DECIMAL.size))
        return Decimal(unscaled).scaleb(-scale, _EXACT)
    raise reader.fail(f'unknown type letter {letter!r} in a table')


def plain_table(table: Iterable[tuple[bytes, TypedValue]]) -> dict[str, Any]:
    """Return the typed form as a dict of str to plain values, nested tables too."""
    return {name.decode('utf-8', 'backslashreplace'): _plain(typed) for name, typed in table}


def _plain(typed: TypedValue) -> Any:
    value, letter = typed
    if letter == 'F':
        return plain_table(value)
    if letter == 'A':
        return [_plain(item) for item in value]
    if letter == 'S':
        return _plain_string(value)
    if letter == 'x':
        return bytes(value)
    if letter == 'T':
        return _plain_time(value)
    return value


def _plain_string(value: Text) -> Text:
    if isinstance(value, str):
        return value
    try:
        return value.decode('utf-8')
    except UnicodeDecodeError:
        return bytes(value)


def _plain_time(value: int) -> datetime | int:
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return value  # RabbitMQ accepts any 64 bits as a time; the calendar of Python ends in 9999.


# The names of CoolAMQP 2.x


def enframe_table(buffer: WritableBuffer, table: Arguments) -> None:
    """Write a table, its length in front, to a binary file."""
    buffer.write(encode_table(table))


def deframe_table(buffer: bytes | memoryview, offset: int) -> tuple[TypedTable, int]:
    """Decode a table at an offset; return it and its length in bytes.

    :raises WireError: the bytes at the offset are no table
    """
    data = bytes(buffer)
    if not 0 <= offset <= len(data):
        raise WireError('no table here', f'at offset {offset} of {len(data)}', SYNTAX_ERROR)
    reader = Reader(data, offset, len(data), 'a field table')
    table = read_table(reader)
    return table, reader.offset - offset
