"""What is to be sent, in order: small pieces in one buffer, large ones left as they are."""

from __future__ import annotations

from collections import deque
from typing import Final

from librt.strings import BytesWriter

from coolamqp.framing.hot import Buffer

# Small pieces are joined up to about this many bytes, which is more than a socket takes at once.
JOINED_MAX: Final = 256 * 1024
# A piece from this size on is handed to the socket as it is.
LARGE: Final = 16 * 1024
# So many pieces are handed to the socket together; a kernel takes up to 1,024.
TOGETHER: Final = 64


class OutBuffer:
    """Bytes on their way to the socket."""

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
        """Give what to write small frames into: they go behind all others."""
        if len(self._writer) >= JOINED_MAX:
            self._seal()
        return self._writer

    def append(self, piece: Buffer) -> None:
        """Put a piece behind all others."""
        if len(piece) >= LARGE:
            self._seal()
            self._put(piece)
        elif isinstance(piece, memoryview):
            self.writer().write(bytes(piece))
        else:
            self.writer().write(piece)

    @property
    def in_pieces(self) -> bool:
        """Whether there are pieces that are not to be joined."""
        return bool(self._pieces)

    def peek_pieces(self) -> list[Buffer]:
        """Give what should be sent next, as the pieces that may go together."""
        pieces = [self.peek()]
        self._seal()
        for piece in self._pieces:
            if len(pieces) == TOGETHER:
                break
            pieces.append(piece)
        return pieces

    def peek(self) -> Buffer:
        """Give what should be sent next; empty only if nothing is waiting."""
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
        """Note that the socket has taken `count` bytes of what `peek` or `peek_pieces` gave."""
        self._front_sent += count
        while self._front_sent > len(self._front):
            self._front_sent -= len(self._front)
            self._front = self._pieces.popleft()
            self._pieces_size -= len(self._front)

    def _seal(self) -> None:
        if len(self._writer):
            self._put(self._writer.getvalue())
            self._writer = BytesWriter()

    def _put(self, piece: Buffer) -> None:
        self._pieces.append(piece)
        self._pieces_size += len(piece)
