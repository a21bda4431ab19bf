"""Messages in the broker."""

from __future__ import annotations

from typing import Any, Final

from coolamqp.framing.field_table import TypedTable
from coolamqp.framing.properties import (
    NO_PROPERTIES,
    BasicContentPropertyList,
    PropertyKeywords,
    ReceivedProperties,
)

# The flags of the properties that the broker reads (section 4.2.6.1).
HEADERS: Final = 0x2000
DELIVERY_MODE: Final = 0x1000
PRIORITY: Final = 0x0800
REPLY_TO: Final = 0x0200
EXPIRATION: Final = 0x0100
USER_ID: Final = 0x0010
_PERSISTENT: Final = 2


class CopyCount:
    """The number of copies that dead-lettering has made of a message; its dead letters share it.

    :ivar copies: the number of additional copies
    :ivar dropped: whether the broker has dropped a copy beyond the limit
    """

    __slots__ = ('copies', 'dropped')

    def __init__(self) -> None:
        self.copies = 0
        self.dropped = False


class BrokerMessage:
    """A message as it was published; immutable, and shared by all its queues.

    :param properties: encoded flags and values
    :ivar flags: the flags of its properties
    :ivar cc: the routing keys of its CC header, which routing uses too
    :ivar bcc: the same of its BCC header, which consumers do not see
    :ivar deaths: the tables of its x-death header, the latest first; not those of a
        publisher, which RabbitMQ 4 does not believe
    :ivar holders: the number of queues and transactions with this message, for `Memory`
    """

    __slots__ = (
        '_copy_count',
        '_decoded',
        'bcc',
        'body',
        'cc',
        'deaths',
        'exchange',
        'flags',
        'holders',
        'properties',
        'routing_key',
    )  # fmt: skip

    def __init__(self, exchange: bytes, routing_key: bytes, properties: bytes, body: bytes) -> None:
        self.exchange = exchange
        self.routing_key = routing_key
        self.properties = properties
        self.body = body
        self.flags = properties[0] << 8 | properties[1]
        self.cc: tuple[bytes, ...] = ()
        self.bcc: tuple[bytes, ...] = ()
        self.deaths: tuple[TypedTable, ...] = ()
        self._decoded: ReceivedProperties | None = None
        self._copy_count: CopyCount | None = None
        self.holders = 0

    @property
    def decoded(self) -> ReceivedProperties:
        """The properties, decoded.

        :raises WireError: the bytes are no properties
        """
        if self._decoded is not None:
            return self._decoded
        return ReceivedProperties(self.properties) if self.flags & HEADERS else self.decode()

    def decode(self) -> ReceivedProperties:
        """Return the properties, decoded, and keep them until `forget_decoded`."""
        self._decoded = ReceivedProperties(self.properties)
        return self._decoded

    def forget_decoded(self) -> None:
        """Drop decoded properties with headers, which may use 100 times the memory of the bytes."""
        if self.flags & HEADERS:
            self._decoded = None

    @property
    def copy_count(self) -> CopyCount:
        """The number of copies that dead-lettering has made of the message."""
        if self._copy_count is None:
            self._copy_count = CopyCount()
        return self._copy_count

    @property
    def headers(self) -> Any:
        """The headers in the typed form; empty if there are none."""
        return self.decoded.headers or [] if self.flags & HEADERS else []

    @property
    def persistent(self) -> bool:
        """Whether a durable queue keeps the message across a restart."""
        return bool(self.flags & DELIVERY_MODE) and self.decoded.delivery_mode == _PERSISTENT

    @property
    def priority(self) -> int:
        """The priority; 0 if there is none."""
        return self.decoded.priority or 0 if self.flags & PRIORITY else 0

    @property
    def expiration(self) -> int | None:
        """The time to live in milliseconds; None if there is none."""
        if not self.flags & EXPIRATION:
            return None
        return int(self.decoded.expiration or b'0')

    @property
    def size(self) -> int:
        """The size of the body, in bytes."""
        return len(self.body)

    def changed(self, **properties: Any) -> BrokerMessage:
        """Return a copy with other values for some properties; None removes one."""
        encoded = changed_properties(self.decoded, **properties)
        copy = BrokerMessage(self.exchange, self.routing_key, encoded, self.body)
        copy.cc, copy.bcc, copy.deaths = self.cc, self.bcc, self.deaths
        copy._copy_count = self._copy_count
        return copy


def changed_properties(properties: ReceivedProperties, **changes: Any) -> bytes:
    """Return encoded properties with other values for some; None removes one.

    A client may send a delivery_mode that is neither 1 nor 2. It is left out, since only these two
    can be encoded.
    """
    keywords: PropertyKeywords = {**changes}  # type: ignore[typeddict-item]
    if 'delivery_mode' not in changes and properties.delivery_mode not in (None, 1, 2):
        keywords['delivery_mode'] = None
    changed: BasicContentPropertyList = properties.replace(**keywords)
    return changed.encoded


# Replaces a message that an entry no longer needs, so that its memory is free.
NO_MESSAGE: Final = BrokerMessage(b'', b'', NO_PROPERTIES, b'')
