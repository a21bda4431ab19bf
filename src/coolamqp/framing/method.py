"""Methods of the protocol: a name, an index, and fields of a few kinds.

`definitions.py` declares the methods with the field specifiers of this module. The declaration is
all that encoding and decoding need. `hot.py` has the methods of the hot path again, spelled out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeVar, dataclass_transform

from mypy_extensions import mypyc_attr

from coolamqp.framing.field_table import WritableBuffer, encode_table, read_table
from coolamqp.framing.primitives import Reader, Writer
from coolamqp.framing.text import short_bytes, text_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

OCTET: Final = 'octet'
SHORT: Final = 'short'
LONG: Final = 'long'
LONG_LONG: Final = 'longlong'
BIT: Final = 'bit'
SHORT_STRING: Final = 'shortstr'
LONG_STRING: Final = 'longstr'
TABLE: Final = 'table'

_SIZES: Final = {OCTET: 8, SHORT: 16, LONG: 32, LONG_LONG: 64}


def octet() -> Any:
    """Declare a field of 8 bits, unsigned."""
    return field(default=0, metadata={'kind': OCTET})


def short() -> Any:
    """Declare a field of 16 bits, unsigned."""
    return field(default=0, metadata={'kind': SHORT})


def long() -> Any:
    """Declare a field of 32 bits, unsigned."""
    return field(default=0, metadata={'kind': LONG})


def long_long() -> Any:
    """Declare a field of 64 bits, unsigned."""
    return field(default=0, metadata={'kind': LONG_LONG})


def bit() -> Any:
    """Declare a flag."""
    return field(default=False, metadata={'kind': BIT})


def short_string() -> Any:
    """Declare a string of at most 255 bytes."""
    return field(default=b'', metadata={'kind': SHORT_STRING})


def long_string() -> Any:
    """Declare a string with four bytes of length."""
    return field(default=b'', metadata={'kind': LONG_STRING})


def table() -> Any:
    """Declare a field table."""
    return field(default=None, metadata={'kind': TABLE})


@mypyc_attr(native_class=False)  # `dataclass` builds the methods, so they are ordinary classes
@dataclass_transform()
class Method:
    """A method of the protocol, with its fields as attributes.

    :ivar NAME: such as ``'queue.declare'``
    :ivar INDEX: (class id, method id)
    :ivar ANSWERS: names of the methods that may answer this one; none if it is not answered
    :ivar RESERVED_FIRST: kinds of the reserved fields before the others
    :ivar RESERVED_LAST: kinds of the reserved fields after the others
    """

    NAME: ClassVar[str] = ''
    INDEX: ClassVar[tuple[int, int]] = (0, 0)
    RESERVED_FIRST: ClassVar[tuple[str, ...]] = ()
    RESERVED_LAST: ClassVar[tuple[str, ...]] = ()
    ANSWERS: ClassVar[tuple[str, ...]] = ()

    # A dataclass would make these anew for each of the 66 classes; here they are made once, which
    # saves time at import.

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    __hash__ = None  # type: ignore[assignment]  # a method is mutable

    def __repr__(self) -> str:
        values = (f'{name}={getattr(self, name)!r}' for name, _ in layout(type(self)))
        return f'{type(self).__qualname__}({", ".join(values)})'

    def _values(self) -> list[Any]:
        return [getattr(self, name) for name, _ in layout(type(self))]

    def encode_arguments(self) -> bytes:
        """Encode the fields.

        :raises TypeError: a field of the wrong type
        :raises ValueError: a field out of range; both messages name it
        """
        writer = Writer()
        for kind in self.RESERVED_FIRST:
            _write(writer, kind, _ZEROS[kind], 'reserved')
        for name, kind in layout(type(self)):
            _write(writer, kind, getattr(self, name), name)
        for kind in self.RESERVED_LAST:
            _write(writer, kind, _ZEROS[kind], 'reserved')
        return writer.getvalue()

    def write_arguments(self, buffer: WritableBuffer) -> None:
        """Write the encoded fields to a binary file."""
        buffer.write(self.encode_arguments())

    def get_size(self) -> int:
        """Return the length of the encoded fields, in bytes."""
        return len(self.encode_arguments())

    @classmethod
    def from_buffer(cls, buffer: bytes | memoryview, offset: int = 0) -> Self:
        """Decode the fields at an offset in a buffer.

        :raises WireError: the bytes are not these fields
        """
        data = bytes(buffer)
        return _construct(cls, Reader(data, offset, len(data), cls.NAME))


_MethodT = TypeVar('_MethodT', bound=Method)

# Every method that is declared, by its index.
METHODS: Final[dict[tuple[int, int], type[Method]]] = {}


def read_method(cls: type[_MethodT], reader: Reader) -> _MethodT:
    """Decode a method that fills the reader to its end.

    :raises WireError: the bytes are not its fields, or go on behind them
    """
    method = _construct(cls, reader)
    if reader.offset != reader.end:
        raise reader.fail(f'{reader.end - reader.offset} bytes too many')
    return method


def method(
    name: str,
    class_id: int,
    method_id: int,
    *,
    reserved_first: tuple[str, ...] = (),
    reserved_last: tuple[str, ...] = (),
    answers: tuple[str, ...] = (),
) -> Callable[[type[_MethodT]], type[_MethodT]]:
    """Declare a class as a method of the protocol, and enter it in `METHODS`."""

    def declare(cls: type[_MethodT]) -> type[_MethodT]:
        cls.NAME = name
        cls.INDEX = (class_id, method_id)
        cls.RESERVED_FIRST = reserved_first
        cls.RESERVED_LAST = reserved_last
        cls.ANSWERS = answers
        METHODS[cls.INDEX] = cls
        return dataclass(eq=False, repr=False)(cls)

    return declare


_ZEROS: Final[dict[str, Any]] = {SHORT: 0, SHORT_STRING: b'', LONG_STRING: b'', BIT: False}
_layouts: Final[dict[type[Method], tuple[tuple[str, str], ...]]] = {}


def layout(cls: type[Method]) -> tuple[tuple[str, str], ...]:
    """Return name and kind of each field of a method, in the order of the wire."""
    known = _layouts.get(cls)
    if known is None:
        declared: Any = cls
        known = tuple((each.name, each.metadata['kind']) for each in fields(declared))
        _layouts[cls] = known
    return known


def _write(writer: Writer, kind: str, value: Any, name: str) -> None:
    if kind in _SIZES:
        writer.unsigned(value, _SIZES[kind], name)
    elif kind == BIT:
        writer.bit(bool(value))
    elif kind == SHORT_STRING:
        writer.short_string(short_bytes(value, name))
    elif kind == LONG_STRING:
        writer.long_string(text_bytes(value, name))
    else:
        writer.raw(encode_table(value, name))


def _construct(cls: type[_MethodT], reader: Reader) -> _MethodT:
    for kind in cls.RESERVED_FIRST:
        _read(reader, kind)
    values = [_read(reader, kind) for _, kind in layout(cls)]
    for kind in cls.RESERVED_LAST:
        _read(reader, kind)
    return cls(*values)


_READERS: Final[dict[str, Callable[[Reader], Any]]] = {
    OCTET: Reader.octet,
    SHORT: Reader.short,
    LONG: Reader.long,
    LONG_LONG: Reader.long_long,
    BIT: Reader.bit,
    SHORT_STRING: Reader.short_string,
    LONG_STRING: Reader.long_string,
    TABLE: read_table,
}


def _read(reader: Reader, kind: str) -> Any:
    return _READERS[kind](reader)
