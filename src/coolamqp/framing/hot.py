"""The hot path, spelled out: publish, deliver, content header, ack, nack, return, get-ok.

Straight-line twins of what `definitions.py` declares, for the few methods that come once a
message. A test holds the two against each other byte by byte.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, TypeAlias

from coolamqp.exceptions import WireError
from coolamqp.framing.definitions import FRAME_BODY, FRAME_END, FRAME_HEADER, FRAME_METHOD
from coolamqp.framing.frames import CONTENT_HEADER, END, ENVELOPE, FRAME_OVERHEAD
from coolamqp.framing.text import ReceivedBytes
from coolamqp.reply_codes import SYNTAX_ERROR

Buffer: TypeAlias = bytes | bytearray | memoryview

BASIC: Final = 60
# Class and method id as they begin the payload of a method frame.
BASIC_RETURN: Final = b'\x00\x3c\x00\x32'
BASIC_DELIVER: Final = b'\x00\x3c\x00\x3c'
BASIC_GET_OK: Final = b'\x00\x3c\x00\x47'
BASIC_ACK: Final = b'\x00\x3c\x00\x50'
BASIC_NACK: Final = b'\x00\x3c\x00\x78'

# Bodies up to here are copied into one piece with their frames; larger ones are sent as they are.
COPIED_BODY_MAX: Final = 16 * 1024

_PUBLISH_START: Final = Struct('>BHIHHH')
_HEADER_START: Final = Struct('>BHIHHQ')
_ACK: Final = Struct('>BHIHHQBB')
_TAG: Final = Struct('>Q')
_TAG_AND_BITS: Final = Struct('>QB')
_ACK_PAYLOAD_SIZE: Final = 13
# Where the consumer tag of a basic.deliver begins, and the delivery tag of a basic.get-ok.
_ARGUMENTS_AT: Final = 4


def encode_publish(channel: int, exchange: bytes, routing_key: bytes, mandatory: bool) -> bytes:
    """Encode the method frame of a basic.publish; both strings are at most 255 bytes."""
    size = 9 + len(exchange) + len(routing_key)
    return b''.join(
        (
            _PUBLISH_START.pack(FRAME_METHOD, channel, size, BASIC, 40, 0),
            bytes((len(exchange),)),
            exchange,
            bytes((len(routing_key),)),
            routing_key,
            b'\x01\xce' if mandatory else b'\x00\xce',
        )
    )


def encode_content(
    method: bytes, channel: int, properties: bytes, body: Buffer, frame_max: int
) -> list[Buffer]:
    """Put a method frame and its content together, as the pieces in which to send them.

    :param method: the encoded method frame
    :param properties: encoded flags and values
    :param body: as many bytes as the header will say; flat and contiguous
    """
    size = len(body)
    header = _HEADER_START.pack(FRAME_HEADER, channel, 12 + len(properties), BASIC, 0, size)
    if size == 0:
        return [b''.join((method, header, properties, END))]
    if size <= COPIED_BODY_MAX and size + FRAME_OVERHEAD <= frame_max:
        envelope = ENVELOPE.pack(FRAME_BODY, channel, size)
        return [b''.join((method, header, properties, END, envelope, body, END))]
    return _large_content(b''.join((method, header, properties, END)), channel, body, frame_max)


def _large_content(head: bytes, channel: int, body: Buffer, frame_max: int) -> list[Buffer]:
    """Cut a large body into frames without copying it."""
    view = memoryview(body)
    room = frame_max - FRAME_OVERHEAD
    pieces: list[Buffer] = []
    for start in range(0, len(view), room):
        piece = view[start : start + room]
        pieces.append(head + ENVELOPE.pack(FRAME_BODY, channel, len(piece)))
        pieces.append(piece)
        head = END
    pieces.append(END)
    return pieces


def encode_ack(channel: int, delivery_tag: int, multiple: bool) -> bytes:
    """Encode the frame of a basic.ack."""
    return _ACK.pack(FRAME_METHOD, channel, 13, BASIC, 80, delivery_tag, multiple, FRAME_END)


def encode_nack(channel: int, delivery_tag: int, multiple: bool, requeue: bool) -> bytes:
    """Encode the frame of a basic.nack."""
    bits = multiple | requeue << 1
    return _ACK.pack(FRAME_METHOD, channel, 13, BASIC, 120, delivery_tag, bits, FRAME_END)


def encode_reject(channel: int, delivery_tag: int, requeue: bool) -> bytes:
    """Encode the frame of a basic.reject."""
    return _ACK.pack(FRAME_METHOD, channel, 13, BASIC, 90, delivery_tag, requeue, FRAME_END)


def decode_settlement(buffer: bytes, start: int, end: int) -> tuple[int, bool]:
    """Read delivery tag and `multiple` from a basic.ack or basic.nack of the broker."""
    if end - start != _ACK_PAYLOAD_SIZE:
        raise _wrong_size('basic.ack', start, end)
    tag, bits = _TAG_AND_BITS.unpack_from(buffer, start + 4)
    return tag, bool(bits & 1)


def decode_content_header(buffer: bytes, start: int, end: int) -> tuple[int, int, bytes]:
    """Read class, body size and encoded properties from a content header."""
    if end - start < CONTENT_HEADER.size + 2:
        raise _wrong_size('a content header', start, end)
    class_id, _, body_size = CONTENT_HEADER.unpack_from(buffer, start)
    return class_id, body_size, buffer[start + CONTENT_HEADER.size : end]


class Envelope:
    """What precedes a content from the broker: the payload of its method, read as needed.

    For deliver and get-ok. The strings are decoded when asked for, the tag at once.
    """

    __slots__ = ('_payload', '_tag_at', 'delivery_tag')

    def __init__(self, payload: bytes) -> None:
        is_deliver = payload.startswith(BASIC_DELIVER)
        tag_at = _ARGUMENTS_AT
        if is_deliver and len(payload) > _ARGUMENTS_AT:
            tag_at += 1 + payload[_ARGUMENTS_AT]
        if tag_at + 11 > len(payload):
            raise _wrong_size('basic.deliver' if is_deliver else 'basic.get-ok', 0, len(payload))
        self._payload = payload
        self._tag_at = tag_at
        self.delivery_tag: int = _TAG.unpack_from(payload, tag_at)[0]

    @property
    def payload(self) -> bytes:
        """The whole payload of the method frame."""
        return self._payload

    @property
    def consumer_tag(self) -> ReceivedBytes:
        """The tag of the consumer; empty for get-ok."""
        return ReceivedBytes(self._payload[5 : self._tag_at])

    @property
    def redelivered(self) -> bool:
        """Whether the broker may have delivered this message before."""
        return bool(self._payload[self._tag_at + 8] & 1)

    @property
    def exchange(self) -> ReceivedBytes:
        """The exchange to which the message was published."""
        return self._string_at(self._tag_at + 9)

    @property
    def routing_key(self) -> ReceivedBytes:
        """The routing key with which the message was published."""
        start = self._tag_at + 9
        return self._string_at(start + 1 + self._payload[start])

    def _string_at(self, start: int) -> ReceivedBytes:
        payload = self._payload
        if start >= len(payload) or start + 1 + payload[start] > len(payload):
            raise _wrong_size('the method before a content', 0, len(payload))
        return ReceivedBytes(payload[start + 1 : start + 1 + payload[start]])


def _wrong_size(name: str, start: int, end: int) -> WireError:
    return WireError(f'{name} of {end - start} bytes', 'in its frame', SYNTAX_ERROR)
