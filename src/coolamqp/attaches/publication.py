"""A publication: a message with its exchange and routing key, on its way to the broker."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from mypy_extensions import mypyc_attr

from coolamqp.attaches.promise import Promise
from coolamqp.framing.frames import CONTENT_HEADER, FRAME_OVERHEAD
from coolamqp.framing.text import Text, short_bytes
from coolamqp.objects import Exchange, Message
from coolamqp.objects.message import flat_body
from coolamqp.objects.topology import exchange_name
from coolamqp.uplink.channel import Channel

# The memory that an unconfirmed message uses besides its body and properties, in bytes.
OVERHEAD_BYTES: Final = 256
# The size of a header frame without the properties, in bytes.
HEADER_OVERHEAD_BYTES: Final = FRAME_OVERHEAD + CONTENT_HEADER.size

# A message for `publish_many`, alone or with its own exchange and routing key.
Addressed: TypeAlias = Message | tuple[Message, Exchange | Text | None, Text]


@mypyc_attr(acyclic=True)  # A promise drops its reference to the publication when it ends.
class Publication:
    """A message with its exchange and routing key.

    :param mandatory: whether the broker must return the message if it reaches no queue
    :ivar number: the place in the order of the calls of `publish`
    :ivar promise: the promise that ends with the confirm
    :ivar sent: whether the publication was sent at least once
    :ivar size: the size that the publish window counts, in bytes
    """

    __slots__ = (
        'body',
        'exchange',
        'mandatory',
        'number',
        'promise',
        'properties',
        'routing_key',
        'sent',
        'size',
    )

    def __init__(
        self, message: Message, exchange: bytes, routing_key: bytes, mandatory: bool = False
    ) -> None:
        self.exchange = exchange
        self.routing_key = routing_key
        self.mandatory = mandatory
        self.properties = message.properties.encoded
        self.body = flat_body(message.body)
        self.promise: Promise | None = None
        self.number = 0
        self.sent = False
        self.size = len(self.body) + len(self.properties) + OVERHEAD_BYTES

    def fits(self, frame_max: int) -> bool:
        """Whether the properties fit into a frame; otherwise the broker closes the connection."""
        return len(self.properties) + HEADER_OVERHEAD_BYTES <= frame_max

    def send(self, channel: Channel) -> None:
        """Send the publication on a channel."""
        channel.publish(self.exchange, self.routing_key, self.mandatory, self.properties, self.body)


def number_of(publication: Publication) -> int:
    """Return the number of a publication: its place in the order of the calls."""
    return publication.number


def properties_too_large(frame_max: int) -> ValueError:
    """Return the error for a message that does not fit, see `Publication.fits`."""
    return ValueError(
        f'the properties of the message do not fit into one frame of {frame_max} bytes; '
        f'make its headers shorter'
    )


# The types are Any, because compiled code would raise its own TypeError before ours.
def publication_of(
    message: Any, exchange: Exchange | Text | None, routing_key: Any, mandatory: Any
) -> Publication:
    """Return the publication for the arguments of `publish`.

    :raises TypeError: an argument has the wrong type
    :raises ValueError: the exchange or the routing key is longer than 255 bytes
    """
    if not isinstance(message, Message):
        raise TypeError(f'message must be a Message, not {type(message).__name__}')
    key = short_bytes(routing_key, 'routing_key')
    return Publication(message, exchange_name(exchange), key, bool(mandatory))


def publication_of_item(
    item: Any, exchange: Exchange | Text | None, routing_key: Any, mandatory: Any
) -> Publication:
    """Return the publication for an item of `publish_many`, see `Addressed`."""
    if isinstance(item, tuple):
        if len(item) != 3:  # noqa: PLR2004 - message, exchange, routing key
            raise TypeError(f'an item must be a Message or (message, exchange, key), not {item!r}')
        item, exchange, routing_key = item
    return publication_of(item, exchange, routing_key, mandatory)
