"""The four kinds of frame (section 4.2.3), as objects.

For frame tracers, for tests, and for programs that override `on_delivery`. The hot path writes and
reads the same bytes without them, see `hot.py` and `decoder.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Final

from coolamqp.framing.definitions import (
    FRAME_BODY,
    FRAME_END,
    FRAME_HEADER,
    FRAME_HEARTBEAT,
    FRAME_METHOD,
)
from coolamqp.framing.properties import BasicContentPropertyList

if TYPE_CHECKING:
    from coolamqp.framing.field_table import WritableBuffer
    from coolamqp.framing.method import Method

# Type, channel, size of the payload.
ENVELOPE: Final = Struct('>BHI')
# Class, weight, size of the body; flags and values of the properties follow.
CONTENT_HEADER: Final = Struct('>HHQ')
METHOD_INDEX: Final = Struct('>HH')
END: Final = bytes((FRAME_END,))
# The bytes of a frame besides its payload.
FRAME_OVERHEAD: Final = 8
HEARTBEAT_FRAME: Final = ENVELOPE.pack(FRAME_HEARTBEAT, 0, 0) + END
# Section 4.2.2: the first bytes of a client, and the answer of a broker of another version.
PROTOCOL_HEADER: Final = b'AMQP\x00\x00\x09\x01'


def encode_frame(kind: int, channel: int, payload: bytes) -> bytes:
    """Encode a frame with this payload."""
    return ENVELOPE.pack(kind, channel, len(payload)) + payload + END


def encode_method(channel: int, method: Method) -> bytes:
    """Encode a method frame.

    :raises TypeError: a field of the wrong type
    :raises ValueError: a field out of range
    """
    payload = METHOD_INDEX.pack(*method.INDEX) + method.encode_arguments()
    return encode_frame(FRAME_METHOD, channel, payload)


class AMQPFrame:
    """A frame of any kind."""

    def encode(self) -> bytes:
        """Return the frame as bytes."""
        raise NotImplementedError

    def write_to(self, buffer: WritableBuffer) -> None:
        """Write the frame to a binary file."""
        buffer.write(self.encode())

    def get_size(self) -> int:
        """Return the length of the whole frame, in bytes."""
        return len(self.encode())


@dataclass
class AMQPMethodFrame(AMQPFrame):
    """A method on a channel.

    :param channel: number of the channel; 0 is the connection's own
    :param payload: the method
    """

    channel: int
    payload: Method

    def encode(self) -> bytes:
        """Return envelope, method and frame end."""
        return encode_method(self.channel, self.payload)


@dataclass
class AMQPHeaderFrame(AMQPFrame):
    """The header of a content: how long its body is, and its properties.

    :param channel: number of the channel
    :param class_id: class of the method that announces the content; always 60, basic
    :param weight: 0
    :param body_size: length of the whole body, in bytes
    :param properties: the properties of the message
    """

    channel: int
    class_id: int
    weight: int
    body_size: int
    properties: BasicContentPropertyList

    def encode(self) -> bytes:
        """Return envelope, content header and frame end."""
        header = CONTENT_HEADER.pack(self.class_id, self.weight, self.body_size)
        return encode_frame(FRAME_HEADER, self.channel, header + self.properties.encoded)


@dataclass
class AMQPBodyFrame(AMQPFrame):
    """A piece of the body of a content.

    :param channel: number of the channel
    :param data: the piece
    """

    channel: int
    data: bytes

    def encode(self) -> bytes:
        """Return envelope, data and frame end."""
        return encode_frame(FRAME_BODY, self.channel, self.data)


@dataclass
class AMQPHeartbeatFrame(AMQPFrame):
    """A heartbeat (section 4.2.7)."""

    def encode(self) -> bytes:
        """Return the eight octets of a heartbeat."""
        return HEARTBEAT_FRAME
