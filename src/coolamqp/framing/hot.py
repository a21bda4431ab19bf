"""The hot path, spelled out: the methods that come once a message, and the content header.

Publish, deliver, get-ok, return, ack, nack and reject, written and read without a look at their
declarations. These are straight-line twins of what `definitions.py` declares; a test compares both
byte by byte. Like all of `framing`, they serve either side of a connection.
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

# The bits of ack, nack and reject, see `decode_settlement`.
ACK_MULTIPLE: Final = 1
NACK_MULTIPLE: Final = 1
NACK_REQUEUE: Final = 2
REJECT_REQUEUE: Final = 1

# librt reads and writes signed numbers; those of AMQP have no sign.
_SIGN_32: Final = 1 << 31
_SIGN_64: Final = 1 << 63
_BITS_64: Final = (1 << 64) - 1
_SETTLEMENT_SIZE: Final = 13  # the payload of ack, nack and reject, in bytes
_SETTLEMENT_NAMES: Final = {
    BASIC_ACK: 'basic.ack',
    BASIC_REJECT: 'basic.reject',
    BASIC_NACK: 'basic.nack',
}
# Offset of the property flags in a content header, and its smallest size.
_FLAGS_AT: Final = 12
_CONTENT_HEADER_SIZE: Final = 14
# Offset of the first argument in the payload of a method frame: the consumer tag of a
# basic.deliver, the delivery tag of a basic.get-ok.
_ARGUMENTS_AT: Final = 4
# Offset of the exchange in the payload of a basic.publish, behind what was once the ticket.
_EXCHANGE_AT: Final = 6
# A frame end, and the type of the frame that follows.
_END_THEN_HEADER: Final = b'\xce\x02'
_END_THEN_BODY: Final = b'\xce\x03'


# Writing a content. A method frame is written without its end, which `write_header` adds. Strings
# are at most 255 bytes long.


def write_publish(
    writer: BytesWriter, channel: int, exchange: bytes, routing_key: bytes, mandatory: bool
) -> None:
    """Write the method frame of a basic.publish without its end."""
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


def write_deliver(
    writer: BytesWriter,
    channel: int,
    consumer_tag: bytes,
    delivery_tag: int,
    redelivered: bool,
    exchange: bytes,
    routing_key: bytes,
) -> None:
    """Write the method frame of a basic.deliver without its end."""
    writer.append(FRAME_METHOD)
    _write_short(writer, channel)
    write_i32_be(writer, 16 + len(consumer_tag) + len(exchange) + len(routing_key))
    write_i32_be(writer, BASIC_DELIVER)
    writer.append(len(consumer_tag))
    writer.write(consumer_tag)
    _write_tag(writer, delivery_tag)
    writer.append(1 if redelivered else 0)
    writer.append(len(exchange))
    writer.write(exchange)
    writer.append(len(routing_key))
    writer.write(routing_key)


def write_get_ok(
    writer: BytesWriter,
    channel: int,
    delivery_tag: int,
    redelivered: bool,
    exchange: bytes,
    routing_key: bytes,
    message_count: int,
) -> None:
    """Write the method frame of a basic.get-ok without its end."""
    writer.append(FRAME_METHOD)
    _write_short(writer, channel)
    write_i32_be(writer, 19 + len(exchange) + len(routing_key))
    write_i32_be(writer, BASIC_GET_OK)
    _write_tag(writer, delivery_tag)
    writer.append(1 if redelivered else 0)
    writer.append(len(exchange))
    writer.write(exchange)
    writer.append(len(routing_key))
    writer.write(routing_key)
    write_i32_be(
        writer, message_count if message_count < _SIGN_32 else message_count - 2 * _SIGN_32
    )


def write_return(
    writer: BytesWriter,
    channel: int,
    reply_code: int,
    reply_text: bytes,
    exchange: bytes,
    routing_key: bytes,
) -> None:
    """Write the method frame of a basic.return without its end."""
    writer.append(FRAME_METHOD)
    _write_short(writer, channel)
    write_i32_be(writer, 9 + len(reply_text) + len(exchange) + len(routing_key))
    write_i32_be(writer, BASIC_RETURN)
    _write_short(writer, reply_code)
    writer.append(len(reply_text))
    writer.write(reply_text)
    writer.append(len(exchange))
    writer.write(exchange)
    writer.append(len(routing_key))
    writer.write(routing_key)


def write_header(writer: BytesWriter, channel: int, properties: bytes, size: int) -> None:
    """End the method frame, and write the header frame of a content without its end.

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
    """End the frame before, and begin a body frame; `size` bytes and its end must follow."""
    writer.write(_END_THEN_BODY)
    _write_short(writer, channel)
    write_i32_be(writer, size)


def end_frame(writer: BytesWriter) -> None:
    """Write the end of a frame."""
    writer.append(FRAME_END)


# Writing settlements


def write_ack(writer: BytesWriter, channel: int, delivery_tag: int, multiple: bool) -> None:
    """Write the frame of a basic.ack."""
    _write_settlement(writer, channel, BASIC_ACK, delivery_tag, ACK_MULTIPLE if multiple else 0)


def write_nack(
    writer: BytesWriter, channel: int, delivery_tag: int, multiple: bool, requeue: bool
) -> None:
    """Write the frame of a basic.nack."""
    bits = (NACK_MULTIPLE if multiple else 0) | (NACK_REQUEUE if requeue else 0)
    _write_settlement(writer, channel, BASIC_NACK, delivery_tag, bits)


def write_reject(writer: BytesWriter, channel: int, delivery_tag: int, requeue: bool) -> None:
    """Write the frame of a basic.reject."""
    _write_settlement(writer, channel, BASIC_REJECT, delivery_tag, REJECT_REQUEUE if requeue else 0)


def _write_settlement(
    writer: BytesWriter, channel: int, method: int, delivery_tag: int, bits: int
) -> None:
    writer.append(FRAME_METHOD)
    _write_short(writer, channel)
    write_i32_be(writer, _SETTLEMENT_SIZE)
    write_i32_be(writer, method)
    _write_tag(writer, delivery_tag)
    writer.append(bits)
    writer.append(FRAME_END)


def _write_short(writer: BytesWriter, value: int) -> None:
    writer.append(value >> 8)
    writer.append(value & 0xFF)


def _write_tag(writer: BytesWriter, tag: int) -> None:
    write_i64_be(writer, tag if tag < _SIGN_64 else tag - 2 * _SIGN_64)


# Reading


def method_index(buffer: bytes, start: int, end: int) -> int:
    """Return class and method id of a method payload as one number; 0 if it is too short."""
    if end - start < _ARGUMENTS_AT:
        return 0
    index: int = read_i32_be(buffer, start)
    return index


def decode_settlement(buffer: bytes, start: int, end: int) -> tuple[int, int]:
    """Decode delivery tag and bits of a basic.ack, basic.nack or basic.reject.

    `ACK_MULTIPLE`, `NACK_MULTIPLE`, `NACK_REQUEUE` and `REJECT_REQUEUE` tell what a bit means.
    """
    if end - start != _SETTLEMENT_SIZE:
        name = _SETTLEMENT_NAMES.get(method_index(buffer, start, end), 'a settlement')
        raise _wrong_size(name, start, end)
    tag: int = read_i64_be(buffer, start + 4)
    return tag & _BITS_64, buffer[start + 12]


def decode_content_header(buffer: bytes, start: int, end: int) -> tuple[int, int, bytes]:
    """Decode class, body size and encoded properties of a content header."""
    if end - start < _CONTENT_HEADER_SIZE:
        raise _wrong_size('a content header', start, end)
    properties = buffer[start + _FLAGS_AT : end]
    class_id: int = read_i16_be(buffer, start)
    size: int = read_i64_be(buffer, start + 4)
    return class_id & 0xFFFF, size & _BITS_64, properties


@mypyc_attr(acyclic=True)
class Envelope:
    """The method that announces a message for a client: a basic.deliver or a basic.get-ok.

    Keeps the payload of the method and decodes the strings on demand, the delivery tag at once.

    :param kind: `BASIC_DELIVER` or `BASIC_GET_OK`
    :raises WireError: the payload is too short; a string that is cut short raises when it is read
    """

    __slots__ = ('_payload', '_tag_at', 'delivery_tag')

    def __init__(self, payload: bytes, kind: int = BASIC_DELIVER) -> None:
        size = len(payload)
        tag_at = _ARGUMENTS_AT
        if kind == BASIC_DELIVER and size > _ARGUMENTS_AT:
            tag_at += 1 + payload[_ARGUMENTS_AT]
        if tag_at + 11 > size:
            raise _wrong_size('basic.deliver' if kind == BASIC_DELIVER else 'basic.get-ok', 0, size)
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

    def __reduce__(self) -> tuple[type[Envelope], tuple[bytes, int]]:
        return Envelope, (self._payload, read_i32_be(self._payload, 0))

    def _string_at(self, start: int) -> ReceivedBytes:
        payload = self._payload
        if start >= len(payload) or start + 1 + payload[start] > len(payload):
            raise _wrong_size('the method before a content', 0, len(payload))
        return ReceivedBytes(payload[start + 1 : start + 1 + payload[start]])


@mypyc_attr(acyclic=True)
class PublishEnvelope:
    """The method that announces a message for a broker: a basic.publish, decoded at once.

    :raises WireError: the payload is too short or too long
    """

    __slots__ = ('exchange', 'immediate', 'mandatory', 'routing_key')

    def __init__(self, payload: bytes) -> None:
        key_at = _string_end(payload, _EXCHANGE_AT)
        bits_at = _string_end(payload, key_at)
        if bits_at + 1 != len(payload):
            raise _wrong_size('basic.publish', 0, len(payload))
        self.exchange = payload[_EXCHANGE_AT + 1 : key_at]
        self.routing_key = payload[key_at + 1 : bits_at]
        self.mandatory = bool(payload[bits_at] & 1)
        self.immediate = bool(payload[bits_at] & 2)


def _string_end(payload: bytes, start: int) -> int:
    """Return the offset behind a short string, be it behind the end of the payload."""
    return start + 1 + payload[start] if start < len(payload) else start


def _wrong_size(name: str, start: int, end: int) -> WireError:
    return WireError(f'{name} of {end - start} bytes', 'in its frame', SYNTAX_ERROR)
