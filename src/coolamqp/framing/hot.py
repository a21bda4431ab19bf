"""The hot path, spelled out: publish, deliver, content header, ack, nack, return, get-ok.

Straight-line twins of what `definitions.py` declares, for the few methods that come once a
message. A test holds the two against each other byte by byte.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from librt.strings import (
    BytesWriter,
    read_i16_be,
    read_i32_be,
    read_i64_be,
    write_i32_be,
    write_i64_be,
)
from mypy_extensions import mypyc_attr

from coolamqp.exceptions import WireError
from coolamqp.framing.definitions import FRAME_END, FRAME_METHOD
from coolamqp.framing.text import ReceivedBytes
from coolamqp.reply_codes import SYNTAX_ERROR

Buffer: TypeAlias = bytes | bytearray | memoryview

BASIC: Final = 60
# Class and method id, as the payload of a method frame begins.
BASIC_PUBLISH: Final = 0x003C0028
BASIC_RETURN: Final = 0x003C0032
BASIC_DELIVER: Final = 0x003C003C
BASIC_GET_OK: Final = 0x003C0047
BASIC_ACK: Final = 0x003C0050
BASIC_REJECT: Final = 0x003C005A
BASIC_NACK: Final = 0x003C0078

# librt reads and writes signed numbers, and those of AMQP have no sign.
_SIGN_64: Final = 1 << 63
_BITS_64: Final = (1 << 64) - 1
_SETTLEMENT_SIZE: Final = 13  # the payload of ack, nack and reject
# Where the flags of the properties begin in a content header, and its least size.
_FLAGS_AT: Final = 12
_CONTENT_HEADER_SIZE: Final = 14
# Where the consumer tag of a basic.deliver begins, and the delivery tag of a basic.get-ok.
_ARGUMENTS_AT: Final = 4
# A frame end, and the type of the frame that follows.
_END_THEN_HEADER: Final = b'\xce\x02'
_END_THEN_BODY: Final = b'\xce\x03'


# What goes out


def write_publish(
    writer: BytesWriter, channel: int, exchange: bytes, routing_key: bytes, mandatory: bool
) -> None:
    """Write the method frame of a basic.publish but for its end; see `write_header`.

    Exchange and routing key are at most 255 bytes.
    """
    writer.append(FRAME_METHOD)
    _write_short(writer, channel)
    write_i32_be(writer, 9 + len(exchange) + len(routing_key))
    write_i32_be(writer, BASIC_PUBLISH)
    _write_short(writer, 0)  # once the ticket
    writer.append(len(exchange))
    writer.write(exchange)
    writer.append(len(routing_key))
    writer.write(routing_key)
    writer.append(1 if mandatory else 0)


def write_header(writer: BytesWriter, channel: int, properties: bytes, size: int) -> None:
    """End the method frame, and write the header frame of a content but for its end.

    :param properties: encoded flags and values
    :param size: of the body, in bytes
    """
    writer.write(_END_THEN_HEADER)
    _write_short(writer, channel)
    write_i32_be(writer, 12 + len(properties))
    write_i32_be(writer, BASIC << 16)
    write_i64_be(writer, size)
    writer.write(properties)


def begin_body(writer: BytesWriter, channel: int, size: int) -> None:
    """End the frame before, and begin a body frame; `size` bytes and its end are to follow."""
    writer.write(_END_THEN_BODY)
    _write_short(writer, channel)
    write_i32_be(writer, size)


def end_frame(writer: BytesWriter) -> None:
    """Write the end of a frame."""
    writer.append(FRAME_END)


def write_ack(writer: BytesWriter, channel: int, delivery_tag: int, multiple: bool) -> None:
    """Write the frame of a basic.ack."""
    _write_settlement(writer, channel, BASIC_ACK, delivery_tag, 1 if multiple else 0)


def write_nack(
    writer: BytesWriter, channel: int, delivery_tag: int, multiple: bool, requeue: bool
) -> None:
    """Write the frame of a basic.nack."""
    bits = (1 if multiple else 0) | (2 if requeue else 0)
    _write_settlement(writer, channel, BASIC_NACK, delivery_tag, bits)


def write_reject(writer: BytesWriter, channel: int, delivery_tag: int, requeue: bool) -> None:
    """Write the frame of a basic.reject."""
    _write_settlement(writer, channel, BASIC_REJECT, delivery_tag, 1 if requeue else 0)


def _write_short(writer: BytesWriter, value: int) -> None:
    writer.append(value >> 8)
    writer.append(value & 0xFF)


def _write_settlement(
    writer: BytesWriter, channel: int, method: int, delivery_tag: int, bits: int
) -> None:
    writer.append(FRAME_METHOD)
    _write_short(writer, channel)
    write_i32_be(writer, _SETTLEMENT_SIZE)
    write_i32_be(writer, method)
    write_i64_be(writer, delivery_tag if delivery_tag < _SIGN_64 else delivery_tag - 2 * _SIGN_64)
    writer.append(bits)
    writer.append(FRAME_END)


# What comes in


def method_index(payload: bytes) -> int:
    """Give class and method id as one number, as above; 0 for a payload that is too short."""
    return method_index_in(payload, 0, len(payload))


def method_index_in(buffer: bytes, start: int, end: int) -> int:
    """Do the same for a payload within a buffer."""
    if end - start < _ARGUMENTS_AT:
        return 0
    index: int = read_i32_be(buffer, start)
    return index


def decode_settlement(buffer: bytes, start: int, end: int) -> tuple[int, bool]:
    """Read delivery tag and `multiple` from a basic.ack or basic.nack of the broker."""
    if end - start != _SETTLEMENT_SIZE:
        raise _wrong_size('basic.ack', start, end)
    tag: int = read_i64_be(buffer, start + 4)
    return tag & _BITS_64, bool(buffer[start + 12] & 1)


def decode_content_header(buffer: bytes, start: int, end: int) -> tuple[int, int, bytes]:
    """Read class, body size and encoded properties from a content header."""
    if end - start < _CONTENT_HEADER_SIZE:
        raise _wrong_size('a content header', start, end)
    properties = buffer[start + _FLAGS_AT : end]
    class_id: int = read_i16_be(buffer, start)
    size: int = read_i64_be(buffer, start + 4)
    return class_id & 0xFFFF, size & _BITS_64, properties


@mypyc_attr(acyclic=True)
class Envelope:
    """What precedes a content from the broker: the payload of its method, read as needed.

    For deliver and get-ok. The strings are decoded when asked for, the tag at once.
    """

    __slots__ = ('_payload', '_tag_at', 'delivery_tag')

    def __init__(self, payload: bytes) -> None:
        size = len(payload)
        is_deliver = size > _ARGUMENTS_AT and method_index(payload) == BASIC_DELIVER
        tag_at = _ARGUMENTS_AT
        if is_deliver:
            tag_at += 1 + payload[_ARGUMENTS_AT]
        if tag_at + 11 > size:
            raise _wrong_size('basic.deliver' if is_deliver else 'basic.get-ok', 0, size)
        self._payload = payload
        self._tag_at = tag_at
        tag: int = read_i64_be(payload, tag_at)
        self.delivery_tag = tag & _BITS_64

    @property
    def payload(self) -> bytes:
        """The whole payload of the method frame."""
        return self._payload

    @property
    def consumer_tag(self) -> ReceivedBytes:
        """The tag of the consumer; empty for get-ok."""
        return ReceivedBytes(self._payload[_ARGUMENTS_AT : self._tag_at][1:])

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
