"""The send buffer: bytes to send, in order. Small pieces are joined, large ones stay separate."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Final

from librt.strings import BytesWriter

from coolamqp.framing.hot import Buffer

# Small pieces are joined up to about this size, in bytes: more than a socket accepts at once.
JOINED_BYTES_MAX: Final = 256 * 1024
# A piece of this size or more, in bytes, reaches the socket as it is, without being copied.
SEPARATE_BYTES_MIN: Final = 16 * 1024
# How many pieces reach the socket in one call; a kernel accepts up to 1,024.
PIECES_AT_ONCE_MAX: Final = 64


class SendBuffer:
    """Bytes on their way to the transport."""

    def __init__(self) -> None:
        self._writer = BytesWriter()  # behind all others
        self._pieces: deque[Buffer] = deque()
        self._pieces_size = 0
        self._front: Buffer = b''
        self._front_sent = 0

    @property
    def size(self) -> int:
        """How many bytes are waiting."""
        return self._pieces_size + len(self._front) - self._front_sent + len(self._writer)

    def writer(self) -> BytesWriter:
        """Return a writer for small frames; they go behind everything else."""
        if len(self._writer) >= JOINED_BYTES_MAX:
            self._seal()
        return self._writer

    def append(self, piece: Buffer) -> None:
        """Add a piece behind everything else."""
        if len(piece) >= SEPARATE_BYTES_MIN:
            self._seal()
            self._put(piece)
        elif isinstance(piece, memoryview):
            self.writer().write(bytes(piece))
        else:
            self.writer().write(piece)

    def pieces(self) -> list[Buffer]:
        """Return the next pieces to send in one call; none if nothing is waiting."""
        front = self.peek()
        if not front:
            return []
        self._seal()
        if not self._pieces:
            return [front]
        return [front, *islice(self._pieces, PIECES_AT_ONCE_MAX - 1)]

    def front(self, count: int) -> bytes:
        """Return the first `count` bytes of what `pieces` has returned."""
        parts: list[Buffer] = []
        missing = count
        for piece in self.pieces():
            if missing <= 0:
                break
            parts.append(piece[:missing])
            missing -= len(piece)
        return b''.join(parts)

    def peek(self) -> Buffer:
        """Return the next piece to send; empty only if nothing is waiting."""
        if self._front_sent == len(self._front):
            if not self._pieces:
                self._seal()
            self._front = self._pieces.popleft() if self._pieces else b''
            self._front_sent = 0
            self._pieces_size -= len(self._front)
        if self._front_sent:
            return memoryview(self._front)[self._front_sent :]
        return self._front

    def sent(self, count: int) -> None:
        """Remove `count` bytes of what `peek` or `pieces` returned: the transport has them."""
        self._front_sent += count
        while self._front_sent > len(self._front):
            self._front_sent -= len(self._front)
            self._front = self._pieces.popleft()
            self._pieces_size -= len(self._front)

    def clear(self) -> None:
        """Drop all bytes."""
        self._writer = BytesWriter()
        self._pieces.clear()
        self._pieces_size = 0
        self._front = b''
        self._front_sent = 0

    def _seal(self) -> None:
        if len(self._writer):
            self._put(self._writer.getvalue())
            self._writer = BytesWriter()

    def _put(self, piece: Buffer) -> None:
        self._pieces.append(piece)
        self._pieces_size += len(piece)
