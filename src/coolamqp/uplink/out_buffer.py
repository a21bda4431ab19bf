"""What is to be sent: pieces in order, small ones joined, large ones left as they are."""

from __future__ import annotations

from collections import deque
from typing import Final

from coolamqp.framing.hot import Buffer

# Small pieces are joined up to about this many bytes, which is more than a socket takes at once.
JOINED_MAX: Final = 256 * 1024
# A piece from this size on is handed to the socket as it is.
LARGE: Final = 16 * 1024


class OutBuffer:
    """Bytes on their way to the socket.

    :ivar size: how many bytes are waiting
    """

    def __init__(self) -> None:
        self.size = 0
        self._pieces: deque[Buffer] = deque()
        self._front: Buffer = b''
        self._front_sent = 0

    def append(self, piece: Buffer) -> None:
        """Put a piece behind all others."""
        self._pieces.append(piece)
        self.size += len(piece)

    def extend(self, pieces: list[Buffer]) -> None:
        """Put pieces behind all others, with nothing between them."""
        for piece in pieces:
            self._pieces.append(piece)
            self.size += len(piece)

    def peek(self) -> Buffer:
        """Give what should be sent next; empty only if nothing is waiting."""
        if self._front_sent == len(self._front):
            self._front = self._next_front()
            self._front_sent = 0
        if self._front_sent:
            return memoryview(self._front)[self._front_sent :]
        return self._front

    def sent(self, count: int) -> None:
        """Note that the socket has taken `count` bytes of what `peek` gave."""
        self._front_sent += count
        self.size -= count

    def _next_front(self) -> Buffer:
        pieces = self._pieces
        if not pieces:
            return b''
        first = pieces.popleft()
        if len(first) >= LARGE or not pieces:
            return first
        small = [first]
        total = len(first)
        while pieces and total < JOINED_MAX and len(pieces[0]) < LARGE:
            piece = pieces.popleft()
            small.append(piece)
            total += len(piece)
        return b''.join(small)
