"""From chunks to frames: any chunking, bounded memory, errors that say where."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolamqp.exceptions import WireError
from coolamqp.framing.decoder import Decoder
from coolamqp.framing.frames import FRAME_OVERHEAD, HEARTBEAT_FRAME, encode_frame
from coolamqp.reply_codes import CHANNEL_ERROR, FRAME_ERROR
from tests.framing.sessions import EVENTS, FRAME_MAX, SESSION, Recorder, record

KIB = 1024


def cut(data: bytes, *points: int) -> list[bytes]:
    bounds = [0, *sorted(points), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(bounds)]


@pytest.mark.parametrize('point', range(len(SESSION) + 1))
def test_a_session_split_anywhere(point: int) -> None:
    assert record(*cut(SESSION, point)) == EVENTS


@given(st.lists(st.integers(0, len(SESSION))))
def test_a_session_cut_into_many_pieces(points: list[int]) -> None:
    assert record(*cut(SESSION, *points)) == EVENTS


def test_frames_are_handed_over_as_soon_as_they_are_whole() -> None:
    recorder = Recorder()
    decoder = Decoder(recorder, FRAME_MAX)
    for number, frame in enumerate((HEARTBEAT_FRAME, encode_frame(1, 1, b'abc')), 1):
        decoder.feed(frame[:-1])
        assert len(recorder.events) == number - 1
        decoder.feed(frame[-1:])
        assert len(recorder.events) == number


# Bodies


def test_the_pieces_of_a_body_are_handed_over_as_they_come() -> None:
    recorder = Recorder()
    decoder = Decoder(recorder, FRAME_MAX)
    first, second, third = cut(encode_frame(3, 1, b'abcdef'), 9, 11)
    for chunk in (first, second, third):
        decoder.feed(chunk)

    assert recorder.body_calls == [
        (first, 7, 9, False),
        (second, 0, 2, False),
        (third, 0, 2, True),
    ]


def test_the_frame_end_alone_ends_a_body() -> None:
    recorder = Recorder()
    decoder = Decoder(recorder, FRAME_MAX)
    decoder.feed(encode_frame(3, 1, b'abc')[:-1])
    assert recorder.events == []
    decoder.feed(b'\xce')

    assert recorder.events == [('body', 1, b'abc')]
    assert [frame_ended for *_, frame_ended in recorder.body_calls] == [False, True]


def test_no_empty_piece_is_handed_over_but_to_end_a_frame() -> None:
    recorder = Recorder()
    decoder = Decoder(recorder, FRAME_MAX)
    frame = encode_frame(3, 1, b'abc')
    for chunk in (frame[:7], b'', frame[7:10], b'', frame[10:]):
        decoder.feed(chunk)

    assert [(end - start, frame_ended) for _, start, end, frame_ended in recorder.body_calls] == [
        (3, False),
        (0, True),
    ]


@pytest.mark.parametrize('chunk_size', [1000, 64 * KIB, 1024 * KIB])
def test_a_large_body_is_neither_joined_nor_copied(chunk_size: int) -> None:
    frame_max = 128 * KIB
    payload = bytes(frame_max - FRAME_OVERHEAD)
    frames = 32  # so 4 MiB in all
    stream = encode_frame(3, 1, payload) * frames
    recorder = Recorder()
    decoder = Decoder(recorder, frame_max)
    chunks = 0
    for start in range(0, len(stream), chunk_size):
        chunk = stream[start : start + chunk_size]
        chunks += 1
        seen = len(recorder.body_calls)
        decoder.feed(chunk)
        for buffer, _, _, _ in recorder.body_calls[seen:]:
            assert buffer is chunk

    assert len(recorder.body_calls) <= chunks + frames
    assert sum(end - start for _, start, end, _ in recorder.body_calls) == frames * len(payload)
    assert sum(frame_ended for *_, frame_ended in recorder.body_calls) == frames


def test_a_frame_that_comes_byte_by_byte_is_joined_once() -> None:
    recorder = Recorder()
    decoder = Decoder(recorder, FRAME_MAX)
    frame = encode_frame(1, 1, bytes(FRAME_MAX - FRAME_OVERHEAD))
    for position in range(len(frame) - 1):
        decoder.feed(frame[position : position + 1])
    # Behind the envelope all of it waits in single bytes; joining each would take quadratic time.
    assert max(len(piece) for piece in decoder._pieces[1:]) == 1
    decoder.feed(frame[-1:])

    assert recorder.events == [('method', 1, frame[7:-1])]
    assert decoder._pieces == []


# Bounds


@pytest.mark.parametrize('kind', [1, 2, 3])
def test_a_frame_may_be_as_long_as_frame_max(kind: int) -> None:
    ((_, channel, payload),) = record(encode_frame(kind, 1, bytes(FRAME_MAX - FRAME_OVERHEAD)))

    assert channel == 1
    assert len(payload) == FRAME_MAX - FRAME_OVERHEAD


@pytest.mark.parametrize('kind', [1, 2, 3, 8])
@pytest.mark.parametrize('length', [FRAME_MAX - FRAME_OVERHEAD + 1, 0xFFFFFFFF])
def test_a_longer_frame_is_refused_as_soon_as_it_is_announced(kind: int, length: int) -> None:
    envelope = bytes((kind, 0, 1)) + length.to_bytes(4, 'big')
    for chunks in ([envelope], cut(envelope, *range(1, 7))):
        with pytest.raises(WireError) as caught:
            record(*chunks)
        assert caught.value.what == (
            f'a frame of {length + FRAME_OVERHEAD} bytes, where frame_max is {FRAME_MAX}'
        )
        assert caught.value.where == 'at byte 0 of the stream'
        assert caught.value.reply_code == FRAME_ERROR


def test_frame_max_may_change_when_it_is_negotiated() -> None:
    recorder = Recorder()
    decoder = Decoder(recorder, FRAME_MAX)
    decoder.frame_max = 2 * FRAME_MAX
    decoder.feed(encode_frame(1, 1, bytes(FRAME_MAX)))

    assert len(recorder.events) == 1


@given(st.lists(st.integers(0, len(SESSION))))
def test_no_more_than_a_frame_is_held(points: list[int]) -> None:
    decoder = Decoder(Recorder(), FRAME_MAX)
    for chunk in cut(SESSION, *points):
        decoder.feed(chunk)
        assert sum(len(piece) for piece in decoder._pieces) < max(
            FRAME_OVERHEAD + len(event[2]) for event in EVENTS if event[0] in ('method', 'header')
        )


# Errors

BAD = [
    (b'\x01\x00\x01\x00\x00\x00\x02ab\xcd', 'a frame ends with octet 205, not 206', 9, FRAME_ERROR),
    (b'\x02\x00\x01\x00\x00\x00\x02ab\x00', 'a frame ends with octet 0, not 206', 9, FRAME_ERROR),
    (b'\x03\x00\x01\x00\x00\x00\x02ab\xcf', 'a frame ends with octet 207, not 206', 9, FRAME_ERROR),
    (b'\x03\x00\x01\x00\x00\x00\x00\x00', 'a frame ends with octet 0, not 206', 7, FRAME_ERROR),
    (b'\x08\x00\x00\x00\x00\x00\x00\xff', 'a frame ends with octet 255, not 206', 7, FRAME_ERROR),
    (b'\x00\x00\x01\x00\x00\x00\x00\xce', 'unknown frame type 0', 0, FRAME_ERROR),
    (b'\x04\x00\x01\x00\x00\x00\x00\xce', 'unknown frame type 4', 0, FRAME_ERROR),
    (b'AMQP\x00\x00\x09\x01', 'unknown frame type 65', 0, FRAME_ERROR),
    (b'\x02\x00\x00\x00\x00\x00\x00\xce', 'content on channel 0', 0, CHANNEL_ERROR),
    (b'\x03\x00\x00\x00\x00\x00\x00\xce', 'content on channel 0', 0, CHANNEL_ERROR),
    (
        b'\x08\x00\x00\x00\x00\x00\x01a\xce',
        'a heartbeat frame with a channel or a payload',
        0,
        FRAME_ERROR,
    ),
    (
        b'\x08\x00\x01\x00\x00\x00\x00\xce',
        'a heartbeat frame with a channel or a payload',
        0,
        FRAME_ERROR,
    ),
]


@pytest.mark.parametrize(('bad', 'what', 'at', 'reply_code'), BAD)
def test_an_error_says_what_and_where_however_the_stream_is_cut(
    bad: bytes, what: str, at: int, reply_code: int
) -> None:
    stream = SESSION + bad
    cuts = [[point] for point in range(len(SESSION) - 20, len(stream) + 1)]
    cuts += [[], list(range(len(stream))), list(range(len(SESSION) - 3, len(stream)))]
    for points in cuts:
        with pytest.raises(WireError) as caught:
            record(*cut(stream, *points))
        assert caught.value.what == what
        assert caught.value.where == f'at byte {len(SESSION) + at} of the stream'
        assert caught.value.reply_code == reply_code


def test_what_comes_before_an_error_is_handed_over() -> None:
    recorder = Recorder()
    with pytest.raises(WireError):
        Decoder(recorder, FRAME_MAX).feed(SESSION + b'garbage')

    assert recorder.events == EVENTS


@given(st.lists(st.binary()))
def test_garbage_is_frames_or_an_error(chunks: list[bytes]) -> None:
    try:
        record(*chunks)
    except WireError as error:
        assert error.where.startswith('at byte ')  # noqa: PT017 - it need not be raised
