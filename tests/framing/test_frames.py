"""Frames as objects."""

from __future__ import annotations

from io import BytesIO

import pytest

from coolamqp.framing.definitions import BasicAck, BasicQos
from coolamqp.framing.frames import (
    HEARTBEAT_FRAME,
    PROTOCOL_HEADER,
    AMQPBodyFrame,
    AMQPFrame,
    AMQPHeaderFrame,
    AMQPHeartbeatFrame,
    AMQPMethodFrame,
    encode_method,
)
from coolamqp.framing.properties import BasicContentPropertyList

# By hand from section 4.2.3: type, channel, size, payload, frame end.
GOLDEN: list[tuple[AMQPFrame, bytes]] = [
    (
        AMQPMethodFrame(258, BasicAck(1, True)),
        b'\x01\x01\x02\x00\x00\x00\x0d\x00\x3c\x00\x50\x00\x00\x00\x00\x00\x00\x00\x01\x01\xce',
    ),
    (
        AMQPHeaderFrame(1, 60, 0, 5, BasicContentPropertyList(delivery_mode=2)),
        b'\x02\x00\x01\x00\x00\x00\x0f\x00\x3c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x10\x00\x02\xce',
    ),
    (AMQPBodyFrame(1, b'hello'), b'\x03\x00\x01\x00\x00\x00\x05hello\xce'),
    (AMQPBodyFrame(1, b''), b'\x03\x00\x01\x00\x00\x00\x00\xce'),
    (AMQPHeartbeatFrame(), b'\x08\x00\x00\x00\x00\x00\x00\xce'),
]


@pytest.mark.parametrize(('frame', 'wire'), GOLDEN)
def test_frames_look_as_the_specification_says(frame: AMQPFrame, wire: bytes) -> None:
    buffer = BytesIO()
    frame.write_to(buffer)

    assert frame.encode() == buffer.getvalue() == wire
    assert frame.get_size() == len(wire)


def test_what_is_sent_without_a_frame_object_looks_the_same() -> None:
    assert PROTOCOL_HEADER == b'AMQP\x00\x00\x09\x01'
    assert AMQPHeartbeatFrame().encode() == HEARTBEAT_FRAME
    assert encode_method(3, BasicAck(7, False)) == AMQPMethodFrame(3, BasicAck(7, False)).encode()


def test_frames_of_equal_content_are_equal() -> None:
    assert AMQPMethodFrame(1, BasicAck(7, False)) == AMQPMethodFrame(1, BasicAck(7, False))
    assert AMQPMethodFrame(1, BasicAck(7, False)) != AMQPMethodFrame(2, BasicAck(7, False))
    assert AMQPHeartbeatFrame() == AMQPHeartbeatFrame()


def test_a_frame_shows_what_it_holds() -> None:
    assert repr(AMQPMethodFrame(1, BasicAck(7, False))) == (
        'AMQPMethodFrame(channel=1, payload=BasicAck(delivery_tag=7, multiple=False))'
    )


def test_a_method_that_cannot_be_encoded_is_an_error_that_names_the_field() -> None:
    with pytest.raises(ValueError, match=r'^prefetch_count is 65536'):
        encode_method(1, BasicQos(0, 65536, False))
