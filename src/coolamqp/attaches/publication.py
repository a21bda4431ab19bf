"""One message on its way to the broker, encoded as far as it can be without a channel."""

from __future__ import annotations

from coolamqp.attaches.outcomes import Promise
from coolamqp.framing.hot import Buffer, encode_content, encode_publish
from coolamqp.objects import Message
from coolamqp.objects.message import flat_body
from coolamqp.uplink.connection import Connection

# What an unconfirmed message counts for besides its body, in bytes.
OVERHEAD = 256


class Publication:
    """A message and where it goes.

    :ivar promise: who waits for it to be confirmed
    """

    __slots__ = ('body', 'exchange', 'promise', 'properties', 'routing_key')

    def __init__(self, message: Message, exchange: bytes, routing_key: bytes) -> None:
        self.exchange = exchange
        self.routing_key = routing_key
        self.properties = message.properties.encoded
        self.body = flat_body(message.body)
        self.promise: Promise | None = None

    @property
    def size(self) -> int:
        """What the message counts for against bounds, in bytes."""
        return len(self.body) + OVERHEAD

    def frames(self, connection: Connection, channel: int) -> list[Buffer]:
        """Encode it for a channel."""
        method = encode_publish(channel, self.exchange, self.routing_key, mandatory=False)
        frame_max = connection.limits.frame_max
        return encode_content(method, channel, self.properties, self.body, frame_max)
