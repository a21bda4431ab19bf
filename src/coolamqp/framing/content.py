"""Content assembly: a method, its header, the pieces of its body (section 4.2.6)."""

from __future__ import annotations

from typing import Any, Final

from coolamqp.exceptions import WireError
from coolamqp.framing.hot import BASIC, decode_content_header
from coolamqp.reply_codes import FRAME_ERROR, UNEXPECTED_FRAME

# How an assembler returns a body.
BYTES: Final = 0
MEMORYVIEW: Final = 1
LIST_OF_MEMORYVIEW: Final = 2

# The largest body, in bytes. RabbitMQ accepts no larger max_message_size in its configuration.
BODY_BYTES_MAX: Final = 512 * 1024 * 1024

_NO_KIND: Final = 0
_NOTHING_MISSING: Final = -1


class ContentAssembler:
    """Assembles the contents of one channel, one after the other.

    :ivar mode: how to return a body: `BYTES`, `MEMORYVIEW`, or `LIST_OF_MEMORYVIEW` for the pieces
        as they came
    """

    def __init__(self) -> None:
        self.mode = BYTES
        self._kind: int = _NO_KIND
        self._method = b''
        self._properties = b''
        self._body: Any = b''
        self._missing = _NOTHING_MISSING
        self._pieces: list[memoryview] = []

    @property
    def under_way(self) -> bool:
        """Whether a content has begun and not ended."""
        return self._kind != _NO_KIND

    @property
    def missing(self) -> int:
        """The bytes that are missing of the body whose header has come; -1 outside of one."""
        return self._missing

    def begin(self, kind: int, method: bytes) -> None:
        """Begin a content.

        :param kind: index of the method that announces it, such as `BASIC_DELIVER`
        :param method: payload of that method
        """
        self._kind = kind
        self._method = method

    def on_header(self, buffer: bytes, start: int, end: int) -> bool:
        """Add the header; True if the body is empty, and the content complete."""
        if self._kind == _NO_KIND or self._missing != _NOTHING_MISSING:
            raise self._unexpected('a content header that nothing announced')
        class_id, size, self._properties = decode_content_header(buffer, start, end)
        if class_id != BASIC:
            what = f'a content header for class {class_id}, where it should be {BASIC}'
            raise WireError(what, 'in a header frame', FRAME_ERROR)
        if size > BODY_BYTES_MAX:
            what = f'a body of {size} bytes, more than any RabbitMQ takes'
            raise WireError(what, 'in a header frame', FRAME_ERROR)
        self._missing = size
        if size == 0:
            self._finish(b'', 0, 0)
        return size == 0

    def on_body(self, buffer: bytes, start: int, end: int, frame_ended: bool) -> bool:
        """Add a piece of the body; True if the content is complete with it."""
        size = end - start
        if self._missing == _NOTHING_MISSING:
            raise self._unexpected('a body that no header announced')
        if size > self._missing:
            what = f'a body that is {size - self._missing} bytes longer than its header says'
            raise WireError(what, 'in a body frame', FRAME_ERROR)
        self._missing -= size
        if self._missing or not frame_ended:
            if size:
                self._pieces.append(memoryview(buffer)[start:end])
            return False
        self._finish(buffer, start, end)
        return True

    def release(self) -> tuple[int, bytes, bytes, Any]:
        """Return the complete content, and make room for the next.

        :returns: kind and payload of the method that announced it, encoded properties, body
        """
        content = (self._kind, self._method, self._properties, self._body)
        self._kind = _NO_KIND
        self._body = b''
        return content

    def _finish(self, buffer: bytes, start: int, end: int) -> None:
        """Make the body, whose last piece is in the buffer."""
        self._missing = _NOTHING_MISSING
        pieces = self._pieces
        if not pieces and self.mode == BYTES:
            self._body = buffer[start:end]
            return
        if end > start:
            pieces.append(memoryview(buffer)[start:end])
        self._pieces = []
        if self.mode == LIST_OF_MEMORYVIEW:
            self._body = pieces
        elif self.mode == BYTES:
            self._body = b''.join(pieces)
        else:
            self._body = pieces[0] if len(pieces) == 1 else memoryview(b''.join(pieces))

    def _unexpected(self, what: str) -> WireError:
        return WireError(what, 'on its channel', UNEXPECTED_FRAME)
