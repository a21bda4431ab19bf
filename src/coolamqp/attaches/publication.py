"""One message on its way to the broker, encoded as far as it can be without a channel."""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from coolamqp.attaches.promise import Promise
from coolamqp.framing.frames import CONTENT_HEADER, FRAME_OVERHEAD
from coolamqp.objects import Message
from coolamqp.objects.message import flat_body
from coolamqp.uplink.channel import Channel

# What an unconfirmed message counts for besides its body and properties, in bytes.
OVERHEAD: Final = 256
# What a header frame has besides the properties.
HEADER_OVERHEAD: Final = FRAME_OVERHEAD + CONTENT_HEADER.size


@mypyc_attr(acyclic=True)  # The promise that holds it lets go when it ends.
class Publication:
    """A message and where it goes.

    :param mandatory: whether it comes back if no queue takes it
    :ivar promise: who waits for it to be confirmed
    :ivar sent: whether it was ever sent
    :ivar size: what it counts for against bounds, in bytes
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
        self.size = len(self.body) + len(self.properties) + OVERHEAD

    def fits(self, frame_max: int) -> bool:
        """Whether the properties fit into a frame; a broker hangs up on a longer one."""
        return len(self.properties) + HEADER_OVERHEAD <= frame_max

    def send(self, channel: Channel) -> None:
        """Send it on a channel."""
        channel.publish(self.exchange, self.routing_key, self.mandatory, self.properties, self.body)
