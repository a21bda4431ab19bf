"""A publication: a message on its way to the broker, encoded but for the channel."""

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

# The size of an unconfirmed message besides its body and properties, in bytes.
OVERHEAD_BYTES: Final = 256
# The size of a header frame besides the properties, in bytes.
HEADER_OVERHEAD: Final = FRAME_OVERHEAD + CONTENT_HEADER.size

# A message, perhaps with an exchange and a routing key of its own.
Addressed: TypeAlias = Message | tuple[Message, Exchange | Text | None, Text]


@mypyc_attr(acyclic=True)  # The promise that holds it lets go when it ends.
class Publication:
    """A message with its address.

    :param mandatory: whether the broker returns it if no queue takes it
    :ivar promise: the promise that ends with its confirm
    :ivar sent: whether it was ever sent
    :ivar size: its size for the publish window, in bytes
    """

    __slots__ = (
        'body',
        'exchange',
        'mandatory',
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
        self.sent = False
        self.size = len(self.body) + len(self.properties) + OVERHEAD_BYTES

    def fits(self, frame_max: int) -> bool:
        """Whether the properties fit into a frame; for a longer one a broker hangs up."""
        return len(self.properties) + HEADER_OVERHEAD <= frame_max

    def send(self, channel: Channel) -> None:
        """Send it on a channel."""
        channel.publish(self.exchange, self.routing_key, self.mandatory, self.properties, self.body)


# Any, since the compiled form would refuse a wrong type before we can say what would be right.
def publication_of(
    message: Any, exchange: Exchange | Text | None, routing_key: Any, mandatory: Any
) -> Publication:
    """Return the publication of a message that a program publishes.

    :raises TypeError: an argument has the wrong type
    :raises ValueError: a name is over 255 bytes long
    """
    if not isinstance(message, Message):
        raise TypeError(f'message must be a Message, not {type(message).__name__}')
    key = short_bytes(routing_key, 'routing_key')
    return Publication(message, exchange_name(exchange), key, bool(mandatory))


def publication_of_item(
    item: Any, exchange: Exchange | Text | None, routing_key: Any, mandatory: Any
) -> Publication:
    """Return the publication of an item of `publish_many`, which may have its own address."""
    if isinstance(item, tuple):
        if len(item) != 3:  # noqa: PLR2004 - message, exchange, routing key
            raise TypeError(f'an item must be a Message or (message, exchange, key), not {item!r}')
        item, exchange, routing_key = item
    return publication_of(item, exchange, routing_key, mandatory)
