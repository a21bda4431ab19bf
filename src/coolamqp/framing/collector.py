"""Frames as objects, from a stream of bytes: for frame tracers and tests.

Wraps a decoder. A connection without a frame tracer makes no frame objects.
"""

from __future__ import annotations

from typing import Final

from coolamqp.exceptions import WireError
from coolamqp.framing.decoder import Decoder, FrameSink
from coolamqp.framing.definitions import decode_method
from coolamqp.framing.frames import (
    CONTENT_HEADER,
    PROTOCOL_HEADER,
    AMQPBodyFrame,
    AMQPFrame,
    AMQPHeaderFrame,
    AMQPHeartbeatFrame,
    AMQPMethodFrame,
)
from coolamqp.framing.properties import ReceivedProperties
from coolamqp.reply_codes import SYNTAX_ERROR

UNLIMITED: Final = 0xFFFFFFFF


class FrameCollector(FrameSink):
    """Turns a stream into frames; leaves out a protocol header at its beginning."""

    def __init__(self, frame_max: int = UNLIMITED) -> None:
        self.frames: list[AMQPFrame] = []
        self._decoder = Decoder(self, frame_max)
        self._beginning: bytes | None = b''
        self._body: list[bytes] = []

    def feed(self, chunk: bytes) -> list[AMQPFrame]:
        """Decode the next bytes; return the frames that they complete.

        :raises WireError: the bytes are no frames
        """
        if self._beginning is not None:
            chunk = self._skip_protocol_header(self._beginning + chunk)
        self._decoder.feed(chunk)
        frames = self.frames
        self.frames = []
        return frames

    def _skip_protocol_header(self, start: bytes) -> bytes:
        """Remove the protocol header; hold bytes that may still become one."""
        if len(start) < len(PROTOCOL_HEADER) and PROTOCOL_HEADER.startswith(start):
            self._beginning = start
            return b''
        self._beginning = None
        return start.removeprefix(PROTOCOL_HEADER)

    def on_method(self, channel: int, buffer: bytes, start: int, end: int) -> None:
        """Collect a method frame."""
        self.frames.append(AMQPMethodFrame(channel, decode_method(buffer[start:end])))

    def on_header(self, channel: int, buffer: bytes, start: int, end: int) -> None:
        """Collect a header frame."""
        if end - start < CONTENT_HEADER.size + 2:
            raise WireError('a content header that is too short', 'in its frame', SYNTAX_ERROR)
        class_id, weight, body_size = CONTENT_HEADER.unpack_from(buffer, start)
        properties = ReceivedProperties(buffer[start + CONTENT_HEADER.size : end])
        self.frames.append(AMQPHeaderFrame(channel, class_id, weight, body_size, properties))

    def on_body(self, channel: int, buffer: bytes, start: int, end: int, frame_ended: bool) -> None:
        """Collect a piece of a body, and the frame when it ends."""
        self._body.append(buffer[start:end])
        if frame_ended:
            self.frames.append(AMQPBodyFrame(channel, b''.join(self._body)))
            self._body = []

    def on_heartbeat(self) -> None:
        """Collect a heartbeat frame."""
        self.frames.append(AMQPHeartbeatFrame())
