"""The properties of a message: the second half of a content header (section 4.2.6.1).

The list of a program is encoded, and so checked, when it is made. A received list keeps its bytes,
and decodes them when a property is first read: most programs read few of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypedDict, TypeVar, Unpack, overload

from coolamqp.framing.field_table import (
    Arguments,
    TypedTable,
    WritableBuffer,
    encode_table,
    posix_seconds,
    read_table,
)
from coolamqp.framing.primitives import SHORT, Reader, Writer
from coolamqp.framing.text import ReceivedBytes, Text, short_bytes

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


_T_co = TypeVar('_T_co', covariant=True)


class _Property(Generic[_T_co]):
    """A property of a message, as an attribute that programs can only read."""

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, properties: None, owner: Any) -> Self: ...

    @overload
    def __get__(self, properties: BasicContentPropertyList, owner: Any) -> _T_co | None: ...

    def __get__(
        self, properties: BasicContentPropertyList | None, owner: Any
    ) -> Self | _T_co | None:
        return self if properties is None else properties.get(self._name)


class PropertyKeywords(TypedDict, total=False):
    """The keywords of the properties of a message."""

    content_type: Text | None
    content_encoding: Text | None
    headers: Arguments
    delivery_mode: int | None
    priority: int | None
    correlation_id: Text | None
    reply_to: Text | None
    expiration: Text | None
    message_id: Text | None
    timestamp: int | datetime | None
    type_: Text | None
    user_id: Text | None
    app_id: Text | None
    reserved: Text | None


class BasicContentPropertyList:
    """The properties of a message. A property that is not passed is absent, and reads as None.

    Immutable and hashable. Two lists are equal if they look the same on the wire.

    :raises TypeError: a property of the wrong type; the message names it
    :raises ValueError: a string over 255 bytes, or a number out of range
    :ivar content_type: MIME type of the body
    :ivar content_encoding: MIME content encoding of the body
    :ivar headers: the table of headers
    :ivar delivery_mode: 1 for a transient message, 2 for a persistent one
    :ivar priority: priority, 0 to 255; the higher, the sooner
    :ivar correlation_id: correlation id: the request that this message answers
    :ivar reply_to: queue to send the answer to
    :ivar expiration: milliseconds after which the message expires, as text
    :ivar message_id: the application's name for this message
    :ivar timestamp: time of the message, in seconds since 1970 or as a datetime
    :ivar type_: the application's name for this kind of message
    :ivar user_id: user that published the message; RabbitMQ checks it
    :ivar app_id: application that published the message
    :ivar reserved: the last property of the specification, once called cluster-id

    >>> from coolamqp.objects import MessageProperties
    >>> MessageProperties(content_type='text/plain', delivery_mode=2).content_type
    'text/plain'
    """

    __slots__ = ('_encoded', '_values')

    content_type = _Property[Text]()
    content_encoding = _Property[Text]()
    headers = _Property[Any]()
    delivery_mode = _Property[int]()
    priority = _Property[int]()
    correlation_id = _Property[Text]()
    reply_to = _Property[Text]()
    expiration = _Property[Text]()
    message_id = _Property[Text]()
    timestamp = _Property['int | datetime']()
    type_ = _Property[Text]()
    user_id = _Property[Text]()
    app_id = _Property[Text]()
    reserved = _Property[Text]()

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
        self._values = [
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

    def _decoded(self) -> list[Any]:
        """Return the values of all properties, in the order of `PROPERTY_NAMES`."""
        return self._values

    def get(self, name: str, default: Any = None) -> Any:
        """Return a property by name, or `default` if it is absent.

        :raises ValueError: no property has that name
        """
        if name not in _INDEX_OF:
            raise ValueError(f'no property is called {name!r}; there are {", ".join(_INDEX_OF)}')
        value = self._decoded()[_INDEX_OF[name]]
        return default if value is None else value

    def replace(self, **changes: Unpack[PropertyKeywords]) -> BasicContentPropertyList:
        """Return a copy with other values for some properties; None removes one.

        >>> from coolamqp.objects import MessageProperties
        >>> MessageProperties(app_id='billing').replace(priority=3).priority
        3
        """
        values: dict[str, Any] = dict(zip(PROPERTY_NAMES, self._decoded(), strict=True))
        values.update(changes)
        return BasicContentPropertyList(**values)

    @staticmethod
    def typize(*names: str) -> Callable[..., BasicContentPropertyList]:
        """Return a constructor that accepts the named properties by position.

        >>> from coolamqp.objects import MessageProperties
        >>> json = MessageProperties.typize('content_type', 'content_encoding')
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
    def from_buffer(buffer: bytes | memoryview, offset: int = 0) -> ReceivedProperties:
        """Decode the property list at an offset; ignore the bytes behind it.

        :raises WireError: the bytes are no property list
        """
        reader = _reader_of(bytes(buffer), offset)
        _decode(reader)
        return ReceivedProperties(reader.data[offset : reader.offset])

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


class ReceivedProperties(BasicContentPropertyList):
    """The properties of a received message: texts are bytes, and headers are in the typed form.

    A program that needs no property pays nothing for them: they are decoded when one is first read.

    :param encoded: the received flags and values
    """

    __slots__ = ()

    content_type: _Property[ReceivedBytes]
    content_encoding: _Property[ReceivedBytes]
    headers: _Property[TypedTable]
    correlation_id: _Property[ReceivedBytes]
    reply_to: _Property[ReceivedBytes]
    expiration: _Property[ReceivedBytes]
    message_id: _Property[ReceivedBytes]
    timestamp: _Property[int]
    type_: _Property[ReceivedBytes]
    user_id: _Property[ReceivedBytes]
    app_id: _Property[ReceivedBytes]
    reserved: _Property[ReceivedBytes]

    def __init__(self, encoded: bytes) -> None:
        self._encoded = encoded
        self._values: list[Any] = []

    def _decoded(self) -> list[Any]:
        if not self._values:
            self._values = _decode(_reader_of(self._encoded, 0))
        return self._values


def present_properties(encoded: bytes) -> dict[str, Any]:
    """Decode flags and values; return the properties that are present, by name."""
    named = zip(PROPERTY_NAMES, _decode(_reader_of(encoded, 0)), strict=True)
    return {name: value for name, value in named if value is not None}


def check_property_names(names: Iterable[str]) -> None:
    """Check that each name is that of a property.

    :raises TypeError: no property has that name; the message suggests one
    """
    for name in names:
        if name not in _INDEX_OF:
            hint = 'it is called type_' if name == 'type' else f'there are {", ".join(_INDEX_OF)}'
            raise TypeError(f'no property of a message is called {name!r}; {hint}')


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
