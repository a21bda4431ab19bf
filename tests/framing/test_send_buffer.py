"""The send buffer: order, and the pieces that reach the socket."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolamqp.framing.hot import Buffer
from coolamqp.framing.send_buffer import (
    JOINED_BYTES_MAX,
    PIECES_AT_ONCE_MAX,
    SEPARATE_BYTES_MIN,
    SendBuffer,
)


def test_small_pieces_are_joined_and_large_ones_left_as_they_are() -> None:
    out = SendBuffer()
    large = bytes(SEPARATE_BYTES_MIN)
    for each in (b'a', b'b', large, b'c', large):
        out.append(each)
    assert out.size == 2 * SEPARATE_BYTES_MIN + 3
    seen = []
    while piece := out.peek():
        seen.append(piece)
        out.sent(len(piece))
    assert seen == [b'ab', large, b'c', large]
    assert seen[1] is large
    assert out.size == 0


def test_what_is_joined_is_bounded() -> None:
    out = SendBuffer()
    for _ in range(1000):
        out.append(bytes(1024))
    assert JOINED_BYTES_MAX <= len(out.peek()) < JOINED_BYTES_MAX + SEPARATE_BYTES_MIN


def test_a_piece_that_was_sent_in_part_is_gone_on_with() -> None:
    out = SendBuffer()
    out.append(b'0123456789')
    assert out.peek() == b'0123456789'
    out.sent(4)
    out.append(b'abc')
    assert out.peek() == b'456789'
    assert out.size == 9
    out.sent(6)
    assert out.peek() == b'abc'


def test_pieces_may_go_together_without_being_joined() -> None:
    out, large = SendBuffer(), bytes(SEPARATE_BYTES_MIN)
    for each in (b'a', large, b'b', b'c'):
        out.append(each)
    assert SendBuffer().pieces() == []
    pieces = out.pieces()
    assert pieces == [b'a', large, b'bc']
    assert pieces[1] is large
    assert out.front(2) == b'a\0'
    out.sent(1 + SEPARATE_BYTES_MIN + 1)
    assert out.size == 1
    assert out.pieces() == [b'c']


def test_no_more_pieces_go_together_than_a_kernel_takes() -> None:
    out = SendBuffer()
    for _ in range(2 * PIECES_AT_ONCE_MAX):
        out.append(bytes(SEPARATE_BYTES_MIN))
    assert len(out.pieces()) == PIECES_AT_ONCE_MAX


def joined_pieces(out: SendBuffer) -> Buffer:
    return b''.join(out.pieces())


@pytest.mark.parametrize('peek', [SendBuffer.peek, joined_pieces])
@given(
    sizes=st.lists(st.integers(0, SEPARATE_BYTES_MIN + 1)),
    most=st.integers(1, 2 * SEPARATE_BYTES_MIN),
)
def test_everything_comes_out_once_and_in_order(
    peek: Callable[[SendBuffer], Buffer], sizes: list[int], most: int
) -> None:
    out = SendBuffer()
    pieces = [bytes((number % 256,)) * size for number, size in enumerate(sizes)]
    received = b''
    for piece in pieces:
        out.append(piece)
        taken = bytes(peek(out)[:most])
        out.sent(len(taken))
        received += taken
    while rest := peek(out):
        received += bytes(rest)
        out.sent(len(rest))
    assert received == b''.join(pieces)
    assert out.size == 0
