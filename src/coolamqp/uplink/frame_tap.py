"""The frame tap: shows a frame tracer the frames of a connection, credentials masked."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

from coolamqp.framing.collector import FrameCollector
from coolamqp.framing.definitions import (
    ConnectionSecureOk,
    ConnectionStartOk,
    ConnectionUpdateSecret,
)
from coolamqp.framing.frames import AMQPFrame, AMQPMethodFrame
from coolamqp.framing.hot import Buffer
from coolamqp.log_events import LogEvent, extra
from coolamqp.tracing import BaseFrameTracer, Direction

logger = logging.getLogger(__name__)

MASK: Final = b'***'


class FrameTap:
    """Decodes the bytes of a connection both ways, and shows the tracer each frame."""

    def __init__(self, tracer: BaseFrameTracer) -> None:
        self._tracer = tracer
        self._received = FrameCollector()
        self._sent = FrameCollector()

    def received(self, data: bytes, now: float) -> None:
        """Decode bytes that came from the broker.

        :raises WireError: the bytes are no frames
        """
        for frame in self._received.feed(data):
            self._show(frame, now, 'to_client')

    def sent(self, data: Buffer, now: float) -> None:
        """Decode bytes that went to the broker."""
        for frame in self._sent.feed(bytes(data)):
            self._show(_masked(frame), now, 'to_server')

    def _show(self, frame: AMQPFrame, now: float, direction: Direction) -> None:
        try:
            self._tracer.on_frame(now, frame, direction)
        # SystemExit too: an exit in the tracer must not end the connection.
        except BaseException:
            logger.exception('the frame tracer raised', extra=extra(LogEvent.FRAME_TRACER_FAILED))


def _masked(frame: AMQPFrame) -> AMQPFrame:
    if not isinstance(frame, AMQPMethodFrame):
        return frame
    method = frame.payload
    if isinstance(method, (ConnectionStartOk, ConnectionSecureOk)):
        return replace(frame, payload=replace(method, response=MASK))
    if isinstance(method, ConnectionUpdateSecret):
        return replace(frame, payload=replace(method, new_secret=MASK))
    return frame
