"""Frames as objects, from a stream."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolamqp.exceptions import WireError
from coolamqp.framing.collector import FrameCollector
from coolamqp.framing.frames import PROTOCOL_HEADER, AMQPFrame, AMQPHeaderFrame, encode_frame
from coolamqp.framing.properties import PROPERTY_NAMES
from tests.framing.sessions import FRAMES, SESSION


def collect(*chunks: bytes) -> list[AMQPFrame]:
    collector = FrameCollector()
    return [frame for chunk in chunks for frame in collector.feed(chunk)]


def encoded(frames: list[AMQPFrame]) -> list[bytes]:
    return [frame.encode() for frame in frames]


@pytest.mark.parametrize('start', [b'', PROTOCOL_HEADER])
def test_a_session_gives_its_frames(start: bytes) -> None:
    frames = collect(start + SESSION)

    assert encoded(frames) == encoded(FRAMES)
    assert [type(frame) for frame in frames] == [type(frame) for frame in FRAMES]


@pytest.mark.parametrize('size', [1, 5, 13])
@pytest.mark.parametrize('start', [b'', PROTOCOL_HEADER])
def test_a_session_in_pieces_gives_its_frames(start: bytes, size: int) -> None:
    stream = start + SESSION
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]

    assert encoded(collect(*chunks)) == encoded(FRAMES)


def test_each_feed_gives_what_has_become_whole() -> None:
    collector = FrameCollector()
    first, second = FRAMES[0], FRAMES[1]
    assert collector.feed(b'') == []
    assert encoded(collector.feed(first.encode() + second.encode()[:5])) == [first.encode()]
    assert encoded(collector.feed(second.encode()[5:])) == [second.encode()]


def test_a_protocol_header_is_left_out_at_the_beginning_only() -> None:
    collector = FrameCollector()
    assert collector.feed(PROTOCOL_HEADER) == []
    with pytest.raises(WireError, match='unknown frame type 65, at byte 0'):
        collector.feed(PROTOCOL_HEADER)


def test_a_stream_that_begins_almost_like_a_protocol_header_is_an_error() -> None:
    with pytest.raises(WireError, match='unknown frame type 65'):
        collect(b'AMQ', b'P\x01\x01\x00\x09')


def test_what_cannot_become_a_protocol_header_is_not_held_back() -> None:
    with pytest.raises(WireError, match='unknown frame type 65'):
        collect(b'AB\x00\x00\x00\x00\x00')


def test_frame_max_bounds_a_frame() -> None:
    with pytest.raises(WireError, match='where frame_max is 100'):
        FrameCollector(frame_max=100).feed(encode_frame(1, 1, bytes(93)))


def test_a_content_header_that_is_too_short_is_an_error() -> None:
    with pytest.raises(WireError, match='a content header that is too short'):
        collect(encode_frame(2, 1, bytes(13)))
    (header,) = collect(encode_frame(2, 1, bytes(14)))
    assert isinstance(header, AMQPHeaderFrame)


def read_all(stream: bytes) -> None:
    """Look at everything there is to see in a stream; the only error may be WireError."""
    collector = FrameCollector()
    try:
        frames = collector.feed(stream)
        for frame in frames:
            repr(frame)
            if isinstance(frame, AMQPHeaderFrame):
                for name in PROPERTY_NAMES:
                    frame.properties.get(name)
    except WireError:
        return


@given(st.binary())
def test_garbage_is_frames_or_an_error(stream: bytes) -> None:
    read_all(stream)


positions = st.integers(0, len(SESSION) - 1)


@given(st.lists(st.tuples(positions, st.integers(0, 255)), min_size=1, max_size=4))
def test_a_session_with_wrong_bytes_is_frames_or_an_error(changes: list[tuple[int, int]]) -> None:
    stream = bytearray(SESSION)
    for position, octet in changes:
        stream[position] = octet
    read_all(bytes(stream))


@given(positions, positions, st.binary(max_size=8))
def test_a_session_with_a_part_lost_or_put_in_is_frames_or_an_error(
    start: int, end: int, inserted: bytes
) -> None:
    read_all(SESSION[:start] + inserted + SESSION[end:])
