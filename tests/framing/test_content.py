"""Content assembly: kinds, bodies in any frames and chunks, and contents that are none."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolamqp.exceptions import WireError
from coolamqp.framing.content import (
    BODY_BYTES_MAX,
    BYTES,
    LIST_OF_MEMORYVIEW,
    MEMORYVIEW,
    ContentAssembler,
)
from coolamqp.framing.decoder import Decoder, FrameSink
from coolamqp.framing.definitions import BasicDeliver, BasicGetOk, BasicPublish, BasicReturn
from coolamqp.framing.frames import (
    CONTENT_HEADER,
    FRAME_OVERHEAD,
    AMQPBodyFrame,
    AMQPHeaderFrame,
    encode_frame,
    encode_method,
)
from coolamqp.framing.hot import (
    BASIC_DELIVER,
    BASIC_GET_OK,
    BASIC_PUBLISH,
    BASIC_RETURN,
    method_index,
)
from coolamqp.framing.properties import EMPTY_PROPERTIES, BasicContentPropertyList
from coolamqp.reply_codes import FRAME_ERROR, SYNTAX_ERROR, UNEXPECTED_FRAME
from tests.framing.sessions import FRAME_MAX

MODES = [BYTES, MEMORYVIEW, LIST_OF_MEMORYVIEW]
METHODS = {
    BASIC_DELIVER: BasicDeliver(b'tag', 1, False, b'ex', b'key'),
    BASIC_GET_OK: BasicGetOk(1, False, b'ex', b'key', 0),
    BASIC_RETURN: BasicReturn(312, b'NO_ROUTE', b'ex', b'key'),
    BASIC_PUBLISH: BasicPublish(b'ex', b'key', True, False),
}
METHOD = encode_method(1, METHODS[BASIC_DELIVER])
PROPERTIES = BasicContentPropertyList(app_id='tests')
DIGITS = b'0123456789'


class Assembly(FrameSink):
    """An assembler behind a decoder, and the contents that have left it."""

    def __init__(self, mode: int = BYTES) -> None:
        self.assembler = ContentAssembler()
        self.assembler.mode = mode
        self.contents: list[tuple[int, bytes, bytes, Any]] = []
        self.decoder = Decoder(self, FRAME_MAX)

    def on_method(self, channel: int, buffer: bytes, start: int, end: int) -> None:
        self.assembler.begin(method_index(buffer, start, end), buffer[start:end])

    def on_header(self, channel: int, buffer: bytes, start: int, end: int) -> None:
        self._keep(self.assembler.on_header(buffer, start, end))

    def on_body(self, channel: int, buffer: bytes, start: int, end: int, frame_ended: bool) -> None:
        self._keep(self.assembler.on_body(buffer, start, end, frame_ended))

    def on_heartbeat(self) -> None:
        raise AssertionError

    def _keep(self, complete: bool) -> None:
        assert self.assembler.under_way
        if complete:
            self.contents.append(self.assembler.release())
            assert not self.assembler.under_way


def header(size: int, properties: BasicContentPropertyList = EMPTY_PROPERTIES) -> bytes:
    return AMQPHeaderFrame(1, 60, 0, size, properties).encode()


def bodies(body: bytes, frame: int) -> bytes:
    """Encode a body in frames of so many bytes."""
    pieces = (body[at : at + frame] for at in range(0, len(body), frame))
    return b''.join(AMQPBodyFrame(1, piece).encode() for piece in pieces)


def content(body: bytes, frame: int = 1000) -> bytes:
    return header(len(body)) + bodies(body, frame)


def body_of(mode: int, *chunks: bytes) -> Any:
    """Return the body of the one content in chunks, which the last of them completes."""
    assembly = Assembly(mode)
    assembly.decoder.feed(METHOD)
    for chunk in chunks:
        assert assembly.contents == []
        assembly.decoder.feed(chunk)
    ((_, _, _, body),) = assembly.contents
    return body


def flat(body: Any) -> bytes:
    return b''.join(body) if isinstance(body, list) else bytes(body)


@pytest.mark.parametrize('kind', METHODS)
def test_a_content_leaves_as_the_kind_that_it_began_as(kind: int) -> None:
    assembly = Assembly()
    method = encode_method(1, METHODS[kind])
    assembly.decoder.feed(method + header(10, PROPERTIES) + bodies(DIGITS, 4))

    payload = method[FRAME_OVERHEAD - 1 : -1]
    assert assembly.contents == [(kind, payload, PROPERTIES.encoded, DIGITS)]


@pytest.mark.parametrize(
    ('mode', 'empty'), [(BYTES, b''), (MEMORYVIEW, memoryview(b'')), (LIST_OF_MEMORYVIEW, [])]
)
def test_an_empty_body(mode: int, empty: Any) -> None:
    body = body_of(mode, content(b''))
    assert type(body) is type(empty)
    assert body == empty


@pytest.mark.parametrize('frame', [1, 3, 10, 100])
@pytest.mark.parametrize('mode', MODES)
def test_a_body_in_frames_of_any_size(mode: int, frame: int) -> None:
    body = body_of(mode, content(DIGITS, frame))
    assert type(body) is (bytes, memoryview, list)[mode]
    assert flat(body) == DIGITS


@pytest.mark.parametrize('mode', MODES)
def test_a_body_in_chunks_that_end_anywhere(mode: int) -> None:
    data = content(DIGITS, 4)
    for split in range(1, len(data)):
        assert flat(body_of(mode, data[:split], data[split:])) == DIGITS


@pytest.mark.parametrize('mode', MODES)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(METHODS)), st.binary(max_size=40)), max_size=5),
    st.integers(1, 50),
    st.lists(st.integers(0, 600)),
)
def test_contents_come_one_after_the_other_whatever_frames_and_chunks(
    mode: int, sent: list[tuple[int, bytes]], frame: int, cuts: list[int]
) -> None:
    data = b''.join(encode_method(1, METHODS[kind]) + content(body, frame) for kind, body in sent)
    assembly = Assembly(mode)
    for start, end in itertools.pairwise([0, *sorted(cuts), max(len(data), *cuts, 0)]):
        assembly.decoder.feed(data[start:end])

    assert [(kind, flat(body)) for kind, _, _, body in assembly.contents] == sent


def test_pieces_are_views_of_what_was_received() -> None:
    data = content(DIGITS)
    first, second = data[22:27], data[27:]
    body = body_of(LIST_OF_MEMORYVIEW, data[:22], first + second[:6], second[6:])
    assert all(isinstance(piece, memoryview) for piece in body)
    assert [piece.obj for piece in body] == [first + second[:6], second[6:]]


def test_a_view_of_a_body_in_one_frame_is_not_a_copy() -> None:
    chunk = content(DIGITS)
    assert body_of(MEMORYVIEW, chunk).obj is chunk
    assert body_of(LIST_OF_MEMORYVIEW, chunk)[0].obj is chunk


def test_an_empty_body_frame_changes_nothing() -> None:
    parts = [AMQPBodyFrame(1, data).encode() for data in (b'', b'ab', b'', b'cd')]
    assert body_of(BYTES, header(4) + b''.join(parts)) == b'abcd'


def test_the_bytes_that_are_missing() -> None:
    assembler = ContentAssembler()
    seen = [assembler.missing]
    assembler.begin(BASIC_DELIVER, b'')
    seen.append(assembler.missing)
    header = CONTENT_HEADER.pack(60, 0, 3) + b'\0\0'
    assembler.on_header(header, 0, len(header))
    seen.append(assembler.missing)
    assembler.on_body(b'ab', 0, 2, True)
    seen.append(assembler.missing)
    assembler.on_body(b'c', 0, 1, True)

    assert [*seen, assembler.missing] == [-1, -1, 3, 1, -1]


def test_a_content_is_under_way_from_its_method_to_its_release() -> None:
    assembler = ContentAssembler()
    seen = [assembler.under_way]
    assembler.begin(BASIC_PUBLISH, b'')
    seen.append(assembler.under_way)
    payload = CONTENT_HEADER.pack(60, 0, 0) + EMPTY_PROPERTIES.encoded
    assert assembler.on_header(payload, 0, len(payload))
    seen.append(assembler.under_way)
    assembler.release()
    assert [*seen, assembler.under_way] == [False, True, True, False]


@pytest.mark.parametrize(
    ('data', 'reply_code', 'words'),
    [
        (header(4), UNEXPECTED_FRAME, 'header that nothing announced'),
        (METHOD + header(4) + header(4), UNEXPECTED_FRAME, 'header that nothing announced'),
        (bodies(b'body', 4), UNEXPECTED_FRAME, 'no header announced'),
        (METHOD + bodies(b'body', 4), UNEXPECTED_FRAME, 'no header announced'),
        (METHOD + header(0) + bodies(b'body', 4), UNEXPECTED_FRAME, 'no header announced'),
        (METHOD + header(4) + bodies(b'bodies', 6), FRAME_ERROR, '2 bytes longer'),
        (METHOD + header(4) + bodies(b'bodies', 3), FRAME_ERROR, '2 bytes longer'),
        (METHOD + header(BODY_BYTES_MAX + 1), FRAME_ERROR, f'a body of {BODY_BYTES_MAX + 1} bytes'),
        (METHOD + header(2**64 - 1), FRAME_ERROR, 'a body of 18446744073709551615 bytes'),
        (METHOD + encode_frame(2, 1, bytes(13)), SYNTAX_ERROR, 'content header of 13 bytes'),
        (
            METHOD + AMQPHeaderFrame(1, 40, 0, 4, EMPTY_PROPERTIES).encode(),
            FRAME_ERROR,
            'for class 40',
        ),
    ],
)
def test_a_content_that_is_none_is_an_error(data: bytes, reply_code: int, words: str) -> None:
    with pytest.raises(WireError, match=words) as caught:
        Assembly().decoder.feed(data)
    assert caught.value.reply_code == reply_code
