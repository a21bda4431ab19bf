"""The hot path against the declarations, byte by byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolamqp.exceptions import WireError
from coolamqp.framing import hot
from coolamqp.framing.collector import FrameCollector
from coolamqp.framing.definitions import (
    BasicAck,
    BasicDeliver,
    BasicGetOk,
    BasicNack,
    BasicPublish,
    BasicReject,
    BasicReturn,
)
from coolamqp.framing.frames import (
    METHOD_INDEX,
    AMQPBodyFrame,
    AMQPFrame,
    AMQPHeaderFrame,
    encode_method,
)
from coolamqp.framing.properties import BasicContentPropertyList
from coolamqp.framing.text import ReceivedBytes
from coolamqp.reply_codes import SYNTAX_ERROR
from tests.framing.strategies import long_strings, short_strings, unsigned

channels = unsigned(16)
tags = unsigned(64)
PROPERTIES = BasicContentPropertyList(content_type='text/plain', delivery_mode=2)


def payload_of(method: Any) -> bytes:
    return METHOD_INDEX.pack(*method.INDEX) + bytes(method.encode_arguments())


# What goes out


@given(channels, short_strings, short_strings, st.booleans())
def test_publish_is_as_declared(channel: int, exchange: bytes, key: bytes, mandatory: bool) -> None:
    declared = encode_method(channel, BasicPublish(exchange, key, mandatory, False))

    assert hot.encode_publish(channel, exchange, key, mandatory) == declared


@given(channels, tags, st.booleans(), st.booleans())
def test_settlements_are_as_declared(channel: int, tag: int, first: bool, second: bool) -> None:
    assert hot.encode_ack(channel, tag, first) == encode_method(channel, BasicAck(tag, first))
    assert hot.encode_nack(channel, tag, first, second) == encode_method(
        channel, BasicNack(tag, first, second)
    )
    assert hot.encode_reject(channel, tag, first) == encode_method(channel, BasicReject(tag, first))


def content_frames(channel: int, body: bytes, frame_max: int) -> list[AMQPFrame]:
    room = frame_max - 8
    return [
        AMQPHeaderFrame(channel, 60, 0, len(body), PROPERTIES),
        *(AMQPBodyFrame(channel, body[at : at + room]) for at in range(0, len(body), room)),
    ]


@pytest.mark.parametrize(
    ('frame_max', 'size'),
    [
        *((4096, size) for size in (0, 1, 4087, 4088, 4089, 8175, 8176, 8177, 20_000)),
        *((131_072, size) for size in (16_383, 16_384, 16_385)),
        *((131_072, size) for size in (131_063, 131_064, 131_065, 262_128, 262_129)),
        *((16_384 + 8, size) for size in (16_384, 16_385)),
        (16_384 + 7, 16_384),
    ],
)
@pytest.mark.parametrize('kind', [bytes, bytearray, memoryview])
def test_a_content_is_as_its_frames(kind: type[Any], frame_max: int, size: int) -> None:
    body = bytes(index % 251 for index in range(size))
    method = hot.encode_publish(1, b'e', b'k', False)
    pieces = hot.encode_content(method, 1, PROPERTIES.encoded, kind(body), frame_max)
    frames = content_frames(1, body, frame_max)

    assert b''.join(pieces) == method + b''.join(frame.encode() for frame in frames)
    # And a decoder with the same frame_max takes it.
    collected = FrameCollector(frame_max).feed(b''.join(pieces))
    assert b''.join(each.data for each in collected if isinstance(each, AMQPBodyFrame)) == body


@pytest.mark.parametrize('size', [0, 1, hot.COPIED_BODY_MAX])
def test_a_small_content_is_one_piece(size: int) -> None:
    assert len(hot.encode_content(b'', 1, b'\x00\x00', bytes(size), 131_072)) == 1


@pytest.mark.parametrize('kind', [bytes, bytearray])
@pytest.mark.parametrize(('frame_max', 'size'), [(131_072, 4 * 1024**2), (4096, 4089)])
def test_a_large_body_is_not_copied(kind: type[Any], frame_max: int, size: int) -> None:
    body = kind(size)
    pieces = hot.encode_content(b'method', 1, b'\x00\x00', body, frame_max)
    views = [piece for piece in pieces if isinstance(piece, memoryview)]

    assert all(view.obj is body for view in views)
    assert sum(len(view) for view in views) == size
    assert max(len(view) for view in views) == frame_max - 8
    assert all(len(piece) < 100 for piece in pieces if not isinstance(piece, memoryview))


# What comes in


@given(short_strings, tags, st.booleans(), short_strings, short_strings)
def test_the_envelope_of_a_delivery(
    consumer_tag: bytes, tag: int, redelivered: bool, exchange: bytes, key: bytes
) -> None:
    payload = payload_of(BasicDeliver(consumer_tag, tag, redelivered, exchange, key))
    envelope = hot.Envelope(payload)

    assert payload.startswith(hot.BASIC_DELIVER)
    assert envelope.payload == payload
    assert envelope.consumer_tag == consumer_tag
    assert envelope.delivery_tag == tag
    assert envelope.redelivered is redelivered
    assert envelope.exchange == exchange
    assert envelope.routing_key == key
    assert isinstance(envelope.routing_key, ReceivedBytes)


@given(tags, st.booleans(), short_strings, short_strings, unsigned(32))
def test_the_envelope_of_a_got_message(
    tag: int, redelivered: bool, exchange: bytes, key: bytes, left: int
) -> None:
    payload = payload_of(BasicGetOk(tag, redelivered, exchange, key, left))
    envelope = hot.Envelope(payload)

    assert payload.startswith(hot.BASIC_GET_OK)
    assert envelope.consumer_tag == b''
    assert envelope.delivery_tag == tag
    assert envelope.redelivered is redelivered
    assert (envelope.exchange, envelope.routing_key) == (exchange, key)


def test_the_beginnings_of_the_methods_are_as_declared() -> None:
    assert payload_of(BasicReturn(312, b'NO_ROUTE', b'', b'k')).startswith(hot.BASIC_RETURN)
    assert payload_of(BasicAck(7, False)).startswith(hot.BASIC_ACK)
    assert payload_of(BasicNack(7, False, False)).startswith(hot.BASIC_NACK)


@pytest.mark.parametrize(
    'method', [BasicDeliver(b'tag', 7, True, b'ex', b'key'), BasicGetOk(7, False, b'ex', b'key', 0)]
)
def test_an_envelope_that_is_cut_short_is_an_error(method: BasicDeliver | BasicGetOk) -> None:
    payload = payload_of(method)
    without_count = len(payload) - (4 if isinstance(method, BasicGetOk) else 0)
    for end in range(4, without_count):
        with pytest.raises(WireError) as caught:
            _ = hot.Envelope(payload[:end]).routing_key
        assert caught.value.reply_code == SYNTAX_ERROR


@given(tags, st.booleans(), st.binary(max_size=9))
def test_a_settlement_of_the_broker(tag: int, multiple: bool, before: bytes) -> None:
    for method in (BasicAck(tag, multiple), BasicNack(tag, multiple, not multiple)):
        buffer = before + payload_of(method)
        assert hot.decode_settlement(buffer, len(before), len(buffer)) == (tag, multiple)


@pytest.mark.parametrize('size', [0, 4, 12, 14])
def test_a_settlement_of_the_wrong_size_is_an_error(size: int) -> None:
    with pytest.raises(WireError, match=f'basic.ack of {size} bytes'):
        hot.decode_settlement(bytes(30), 5, 5 + size)


@given(unsigned(16), tags, short_strings, long_strings)
def test_a_content_header(class_id: int, size: int, content_type: bytes, before: bytes) -> None:
    properties = BasicContentPropertyList(content_type=content_type)
    frame = AMQPHeaderFrame(1, class_id, 0, size, properties).encode()
    buffer = before + frame

    assert hot.decode_content_header(buffer, len(before) + 7, len(buffer) - 1) == (
        class_id,
        size,
        properties.encoded,
    )


@pytest.mark.parametrize('size', [0, 12, 13])
def test_a_content_header_of_the_wrong_size_is_an_error(size: int) -> None:
    with pytest.raises(WireError, match=f'a content header of {size} bytes'):
        hot.decode_content_header(bytes(30), 5, 5 + size)
    hot.decode_content_header(bytes(30), 5, 5 + 14)


@given(st.sampled_from((b'', hot.BASIC_DELIVER, hot.BASIC_GET_OK)), st.binary())
def test_garbage_is_understood_or_an_error(start: bytes, data: bytes) -> None:
    payload = start + data
    for read in (
        lambda: hot.Envelope(payload).consumer_tag,
        lambda: hot.Envelope(payload).redelivered,
        lambda: hot.Envelope(payload).exchange,
        lambda: hot.Envelope(payload).routing_key,
        lambda: hot.decode_settlement(payload, 0, len(payload)),
        lambda: hot.decode_content_header(payload, 0, len(payload)),
    ):
        try:
            read()
        except WireError:
            continue
