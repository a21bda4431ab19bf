"""The properties of a message: the second half of a content header (section 4.2.6.1).

The list of a program is encoded, and so checked, when it is made. A received list keeps its bytes,
and decodes them when a property is first read: most programs read few of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from coolamqp.framing.field_table import (
    Arguments,
    TypedTable,
    WritableBuffer,
    encode_table,
    posix_seconds,
    read_table,
)
from coolamqp.framing.primitives import SHORT, Reader, Writer
from coolamqp.framing.text import Text, short_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

# In the order of their flags, the highest bit first.
PROPERTY_NAMES: Final = (
    'content_type',
    'content_encoding',
    'headers',
    'delivery_mode',
    'priority',
    'correlation_id',
    'reply_to',
    'expiration',
    'message_id',
    'timestamp',
    'type_',
    'user_id',
    'app_id',
    'reserved',
)
_INDEX_OF: Final = {name: index for index, name in enumerate(PROPERTY_NAMES)}
_FIRST_FLAG: Final = 1 << 15
_OCTETS: Final = ('delivery_mode', 'priority')

NO_PROPERTIES: Final = b'\x00\x00'


class BasicContentPropertyList:
    """The properties of a message; one that is not passed is absent, and reads as None.

    Immutable and hashable. Two lists are equal if they look the same on the wire. A received list
    has `ReceivedBytes` for strings, an int for `timestamp`, and for `headers` a list of
    `(name, (value, type letter))`.

    :raises TypeError: a property of the wrong type; the message names it
    :raises ValueError: a string over 255 bytes, or a number out of range

    >>> BasicContentPropertyList(content_type='text/plain', delivery_mode=2).content_type
    'text/plain'
    """

    __slots__ = ('_encoded', '_values')

    def __init__(
        self,
        *,
        content_type: Text | None = None,
        content_encoding: Text | None = None,
        headers: Arguments = None,
        delivery_mode: int | None = None,
        priority: int | None = None,
        correlation_id: Text | None = None,
        reply_to: Text | None = None,
        expiration: Text | None = None,
        message_id: Text | None = None,
        timestamp: int | datetime | None = None,
        type_: Text | None = None,
        user_id: Text | None = None,
        app_id: Text | None = None,
        reserved: Text | None = None,
    ) -> None:
        self._values: list[Any] | None = [
            content_type,
            content_encoding,
            headers,
            delivery_mode,
            priority,
            correlation_id,
            reply_to,
            expiration,
            message_id,
            timestamp,
            type_,
            user_id,
            app_id,
            reserved,
        ]
        self._encoded = _encode(self._values)

    @property
    def encoded(self) -> bytes:
        """The flags and values, encoded."""
        return self._encoded

    def _value(self, index: int) -> Any:
        values = self._values
        if values is None:
            values = self._values = _decode(_reader_of(self._encoded, 0))
        return values[index]

    @property
    def content_type(self) -> Text | None:
        """MIME type of the body."""
        value: Text | None = self._value(0)
        return value

    @property
    def content_encoding(self) -> Text | None:
        """MIME content encoding of the body."""
        value: Text | None = self._value(1)
        return value

    @property
    def headers(self) -> TypedTable | Any:
        """The table of headers: as passed, or the typed form if it was received."""
        return self._value(2)

    @property
    def delivery_mode(self) -> int | None:
        """1 for a transient message, 2 for a persistent one."""
        value: int | None = self._value(3)
        return value

    @property
    def priority(self) -> int | None:
        """Priority, 0 to 255; the higher, the sooner."""
        value: int | None = self._value(4)
        return value

    @property
    def correlation_id(self) -> Text | None:
        """Correlation id: the request that this message answers."""
        value: Text | None = self._value(5)
        return value

    @property
    def reply_to(self) -> Text | None:
        """Queue to send the answer to."""
        value: Text | None = self._value(6)
        return value

    @property
    def expiration(self) -> Text | None:
        """Milliseconds after which the message expires, as text."""
        value: Text | None = self._value(7)
        return value

    @property
    def message_id(self) -> Text | None:
        """The application's name for this message."""
        value: Text | None = self._value(8)
        return value

    @property
    def timestamp(self) -> int | datetime | None:
        """Time of the message; an int of seconds since 1970 if it was received."""
        value: int | datetime | None = self._value(9)
        return value

    @property
    def type_(self) -> Text | None:
        """The application's name for this kind of message."""
        value: Text | None = self._value(10)
        return value

    @property
    def user_id(self) -> Text | None:
        """User that published the message; RabbitMQ checks it."""
        value: Text | None = self._value(11)
        return value

    @property
    def app_id(self) -> Text | None:
        """Application that published the message."""
        value: Text | None = self._value(12)
        return value

    @property
    def reserved(self) -> Text | None:
        """The last property of the specification, once called cluster-id."""
        value: Text | None = self._value(13)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """Return a property by name, or `default` if it is absent.

        :raises ValueError: no property has that name
        """
        if name not in _INDEX_OF:
            raise ValueError(f'no property is called {name!r}; there are {", ".join(_INDEX_OF)}')
        value = self._value(_INDEX_OF[name])
        return default if value is None else value

    def replace(self, **changes: Any) -> BasicContentPropertyList:
        """Return a copy with other values for some properties; None removes one.

        >>> BasicContentPropertyList(app_id='billing').replace(priority=3).priority
        3
        """
        values = {name: self._value(index) for name, index in _INDEX_OF.items()}
        return BasicContentPropertyList(**(values | changes))

    @staticmethod
    def typize(*names: str) -> Callable[..., BasicContentPropertyList]:
        """Return a constructor that accepts the named properties by position.

        >>> json = BasicContentPropertyList.typize('content_type', 'content_encoding')
        >>> json('application/json', 'utf8').content_encoding
        'utf8'
        """
        unknown = [name for name in names if name not in _INDEX_OF]
        if unknown:
            raise ValueError(f'no property is called {unknown[0]!r}')

        def construct(*values: Any) -> BasicContentPropertyList:
            if len(values) != len(names):
                raise TypeError(f'{len(names)} values are needed: {", ".join(names)}')
            return BasicContentPropertyList(**dict(zip(names, values, strict=True)))

        return construct

    def write_to(self, buffer: WritableBuffer) -> None:
        """Write flags and values to a binary file."""
        buffer.write(self._encoded)

    def get_size(self) -> int:
        """Return the length of flags and values, in bytes."""
        return len(self._encoded)

    @staticmethod
    def from_buffer(buffer: bytes | memoryview, offset: int = 0) -> BasicContentPropertyList:
        """Decode the property list at an offset; ignore the bytes behind it.

        :raises WireError: the bytes are no property list
        """
        reader = _reader_of(bytes(buffer), offset)
        _decode(reader)
        return received_properties(reader.data[offset : reader.offset])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BasicContentPropertyList):
            return NotImplemented
        return self._encoded == other._encoded

    def __hash__(self) -> int:
        return hash(self._encoded)

    def __repr__(self) -> str:
        present = ((name, self.get(name)) for name in PROPERTY_NAMES)
        shown = ', '.join(f'{name}={value!r}' for name, value in present if value is not None)
        return f'MessageProperties({shown})'


def check_property_names(names: Iterable[str]) -> None:
    """Check that each name is that of a property.

    :raises TypeError: no property has that name; the message suggests one
    """
    for name in names:
        if name not in _INDEX_OF:
            hint = 'it is called type_' if name == 'type' else f'there are {", ".join(_INDEX_OF)}'
            raise TypeError(f'no property of a message is called {name!r}; {hint}')


def received_properties(encoded: bytes) -> BasicContentPropertyList:
    """Return a property list of received flags and values, not decoded yet."""
    if encoded == NO_PROPERTIES:
        return EMPTY_PROPERTIES
    properties = BasicContentPropertyList.__new__(BasicContentPropertyList)
    properties._encoded = encoded  # noqa: SLF001 - it has no arguments to check
    properties._values = None  # noqa: SLF001
    return properties


def _encode(values: list[Any]) -> bytes:
    flags = 0
    writer = Writer()
    for index, value in enumerate(values):
        if value is not None:
            flags |= _FIRST_FLAG >> index
            _write_property(writer, PROPERTY_NAMES[index], value)
    return SHORT.pack(flags) + writer.getvalue() if flags else NO_PROPERTIES


def _write_property(writer: Writer, name: str, value: Any) -> None:
    if name == 'headers':
        writer.raw(encode_table(value, 'headers'))
    elif name == 'delivery_mode':
        if value not in (1, 2):
            raise ValueError(
                f'delivery_mode is {value!r}; it must be 1, transient, or 2, persistent'
            )
        writer.unsigned(value, 8, name)
    elif name == 'priority':
        writer.unsigned(value, 8, name)
    elif name == 'timestamp':
        writer.unsigned(posix_seconds(value), 64, name)
    else:
        writer.short_string(short_bytes(value, name))


def _reader_of(data: bytes, offset: int) -> Reader:
    return Reader(data, offset, len(data), 'the properties of a message')


def _decode(reader: Reader) -> list[Any]:
    flags = reader.short()
    if flags & 1:
        raise reader.fail('more property flags are announced than the specification has')
    return [
        _read_property(reader, name) if flags & (_FIRST_FLAG >> index) else None
        for index, name in enumerate(PROPERTY_NAMES)
    ]


def _read_property(reader: Reader, name: str) -> Any:
    if name == 'headers':
        return read_table(reader)
    if name in _OCTETS:
        return reader.octet()
    if name == 'timestamp':
        return reader.long_long()
    return reader.short_string()


EMPTY_PROPERTIES: Final = BasicContentPropertyList()
