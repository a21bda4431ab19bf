"""Looking at the frames that go over a connection.

A tracer is handed every frame both ways, credentials masked. Knows of frames only that they have
a repr; who calls the tracer, and on which thread, is decided above.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import Literal

Direction = Literal['to_client', 'to_server']

__all__ = ['BaseFrameTracer', 'Direction', 'HoldingFrameTracer', 'LoggingFrameTracer']


class BaseFrameTracer(ABC):
    """Something that wants to see the frames of a connection."""

    @abstractmethod
    def on_frame(self, timestamp: float, frame: object, direction: Direction) -> None:
        """Look at one frame.

        Runs while the engine is at work: be quick, and call nothing of the Cluster.

        :param timestamp: seconds on the monotonic clock
        :param frame: one of the classes of `coolamqp.framing.frames`
        :param direction: 'to_client' for what the broker sent, 'to_server' for what we send
        """


class LoggingFrameTracer(BaseFrameTracer):
    """Writes every frame to a logger, 'coolamqp.frames' unless told otherwise."""

    def __init__(
        self, logger: logging.Logger | None = None, log_level: int = logging.WARNING
    ) -> None:
        self.logger = logger or logging.getLogger('coolamqp.frames')
        self.log_level = log_level

    def on_frame(self, timestamp: float, frame: object, direction: Direction) -> None:
        """Log the frame on one line."""
        self.logger.log(self.log_level, '%.6f %s: %s', timestamp, direction, frame)


class HoldingFrameTracer(BaseFrameTracer):
    """Keeps every frame in `frames`, a list of (direction, timestamp, frame)."""

    def __init__(self) -> None:
        self.frames: list[tuple[Direction, float, object]] = []

    def on_frame(self, timestamp: float, frame: object, direction: Direction) -> None:
        """Keep the frame."""
        self.frames.append((direction, timestamp, frame))

    def clear(self) -> None:
        """Forget the frames seen so far."""
        self.frames.clear()
