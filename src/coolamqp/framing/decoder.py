"""The decoder: from chunks of bytes to frames, wherever the chunks end.

The sink gets a method, header or heartbeat frame whole, and a body frame in the pieces in which it
comes. So the decoder never copies a large body, and holds at most one frame of another kind. Its
time is linear in the bytes, its memory bounded by frame_max. It does not know what frames mean.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

from librt.strings import read_i16_be, read_i32_be
from mypy_extensions import mypyc_attr

from coolamqp.exceptions import WireError
from coolamqp.framing.definitions import (
    FRAME_BODY,
    FRAME_END,
    FRAME_HEADER,
    FRAME_HEARTBEAT,
    FRAME_METHOD,
)
from coolamqp.framing.frames import FRAME_OVERHEAD
from coolamqp.reply_codes import CHANNEL_ERROR, FRAME_ERROR

_ENVELOPE_SIZE: Final = 7  # type, channel, size of the payload
_FRAME_KINDS: Final = frozenset((FRAME_METHOD, FRAME_HEADER, FRAME_BODY, FRAME_HEARTBEAT))


@mypyc_attr(allow_interpreted_subclasses=True)
class FrameSink(ABC):
    """The receiver of decoded frames. A payload is a slice `[start:end]` of a buffer."""

    @abstractmethod
    def on_method(self, channel: int, buffer: bytes, start: int, end: int) -> None:
        """Process the payload of a method frame."""

    @abstractmethod
    def on_header(self, channel: int, buffer: bytes, start: int, end: int) -> None:
        """Process the payload of a header frame."""

    @abstractmethod
    def on_body(self, channel: int, buffer: bytes, start: int, end: int, frame_ended: bool) -> None:
        """Process a piece of a body; `frame_ended` marks the last piece of a frame."""

    @abstractmethod
    def on_heartbeat(self) -> None:
        """Process a heartbeat frame."""


@mypyc_attr(allow_interpreted_subclasses=True)
class ChannelSink(ABC):
    """The receiver of the frames of one channel; see `FrameSink`."""

    @abstractmethod
    def on_method(self, buffer: bytes, start: int, end: int) -> None:
        """Process the payload of a method frame."""

    @abstractmethod
    def on_header(self, buffer: bytes, start: int, end: int) -> None:
        """Process the payload of a header frame."""

    @abstractmethod
    def on_body(self, buffer: bytes, start: int, end: int, frame_ended: bool) -> None:
        """Process a piece of a body; `frame_ended` marks the last piece of a frame."""


class Decoder:
    """Splits a stream into frames.

    :param sink: receives the frames of all channels that are not among the routes
    :param frame_max: the longest frame to accept, in bytes, envelope and end included
    :ivar routes: by channel number, the receivers of the frames of one channel
    """

    def __init__(self, sink: FrameSink, frame_max: int) -> None:
        self.frame_max = frame_max
        self.routes: dict[int, ChannelSink] = {}
        self._sink = sink
        self._position = 0  # of the next chunk in the stream, for error messages
        self._pieces: list[bytes] = []  # of a frame that has begun and not ended
        self._held = 0  # their bytes
        self._wanted = _ENVELOPE_SIZE  # bytes that are needed to go on
        self._body_channel = 0
        self._body_left = -1  # bytes missing of a body frame that has begun; -1 outside of one

    def feed(self, chunk: bytes) -> None:
        """Decode the next bytes of the stream.

        :raises WireError: the bytes are no frames; the decoder must not be used again
        """
        offset = 0
        if self._body_left >= 0:
            offset = self._continue_body(chunk, 0)
        elif self._held:
            offset = self._complete_held(chunk)
        size = len(chunk)
        while offset < size:
            offset = self._frame(chunk, offset, size)
        self._position += size

    def _frame(self, buffer: bytes, offset: int, size: int) -> int:
        """Pass on the frame at `offset`, or hold its beginning; return the offset to go on at."""
        if size - offset < _ENVELOPE_SIZE:
            return self._hold(buffer, offset, _ENVELOPE_SIZE)
        kind = buffer[offset]
        channel: int = read_i16_be(buffer, offset + 1)
        length: int = read_i32_be(buffer, offset + 3)
        channel &= 0xFFFF  # librt reads signed numbers, and those of AMQP have no sign
        length &= 0xFFFFFFFF
        self._check_envelope(kind, channel, length, offset)
        start = offset + _ENVELOPE_SIZE
        end = start + length
        if end >= size:
            if kind == FRAME_BODY:
                self._body_channel, self._body_left = channel, length
                return self._continue_body(buffer, start)
            return self._hold(buffer, offset, length + FRAME_OVERHEAD)
        if buffer[end] != FRAME_END:
            raise self._bad_end(buffer[end], end)
        route = self.routes.get(channel)
        if route is not None:
            if kind == FRAME_METHOD:
                route.on_method(buffer, start, end)
            elif kind == FRAME_HEADER:
                route.on_header(buffer, start, end)
            else:
                route.on_body(buffer, start, end, True)
        else:
            self._pass_on(kind, channel, buffer, start, end)
        return end + 1

    def _pass_on(self, kind: int, channel: int, buffer: bytes, start: int, end: int) -> None:
        """Pass on a frame of a channel without a route."""
        if kind == FRAME_METHOD:
            self._sink.on_method(channel, buffer, start, end)
        elif kind == FRAME_HEADER:
            self._sink.on_header(channel, buffer, start, end)
        elif kind == FRAME_BODY:
            self._sink.on_body(channel, buffer, start, end, True)
        else:
            self._sink.on_heartbeat()

    def _pass_on_piece(self, buffer: bytes, start: int, end: int, frame_ended: bool) -> None:
        """Pass on a piece of the body frame that has begun."""
        route = self.routes.get(self._body_channel)
        if route is not None:
            route.on_body(buffer, start, end, frame_ended)
        else:
            self._sink.on_body(self._body_channel, buffer, start, end, frame_ended)

    def _hold(self, buffer: bytes, offset: int, wanted: int) -> int:
        """Hold the rest of the buffer until `wanted` bytes of its frame have come."""
        self._pieces = [buffer[offset:]]
        self._held = len(buffer) - offset
        self._wanted = wanted
        return len(buffer)

    def _complete_held(self, chunk: bytes) -> int:
        """Complete the frame that is held; return the offset to go on at in the chunk."""
        offset = 0
        while self._held:
            missing = self._wanted - self._held
            piece = chunk[offset : offset + missing]
            self._pieces.append(piece)
            self._held += len(piece)
            offset += len(piece)
            if len(piece) < missing:
                break
            frame = b''.join(self._pieces)
            self._pieces, self._held = [], 0
            # After the envelope alone, `_frame` holds again, now for the whole frame.
            self._position -= len(frame) - offset
            self._frame(frame, 0, len(frame))
            self._position += len(frame) - offset
            if self._body_left >= 0:
                return self._continue_body(chunk, offset)
        return offset

    def _continue_body(self, buffer: bytes, offset: int) -> int:
        """Pass on the part of a body frame that the buffer has; return the offset behind it."""
        end = offset + self._body_left
        if end < len(buffer):
            if buffer[end] != FRAME_END:
                raise self._bad_end(buffer[end], end)
            self._body_left = -1
            self._pass_on_piece(buffer, offset, end, True)
            return end + 1
        if offset < len(buffer):
            self._body_left -= len(buffer) - offset
            self._pass_on_piece(buffer, offset, len(buffer), False)
        return len(buffer)

    def _check_envelope(self, kind: int, channel: int, length: int, offset: int) -> None:
        size = length + FRAME_OVERHEAD
        if FRAME_METHOD <= kind <= FRAME_BODY and channel and size <= self.frame_max:
            return
        if kind not in _FRAME_KINDS:  # first: in no frame the rest means nothing
            what = f'unknown frame type {kind}'
        elif size > self.frame_max:
            what = f'a frame of {size} bytes, where frame_max is {self.frame_max}'
        elif kind == FRAME_HEARTBEAT and (channel or length):
            what = 'a heartbeat frame with a channel or a payload'
        elif kind in (FRAME_HEADER, FRAME_BODY):
            raise WireError('content on channel 0', self._where(offset), CHANNEL_ERROR)
        else:
            return
        raise WireError(what, self._where(offset), FRAME_ERROR)

    def _bad_end(self, octet: int, offset: int) -> WireError:
        what = f'a frame ends with octet {octet}, not {FRAME_END}'
        return WireError(what, self._where(offset), FRAME_ERROR)

    def _where(self, offset: int) -> str:
        return f'at byte {self._position + offset} of the stream'
