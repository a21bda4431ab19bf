"""Hooks for tracers: of the frames of a connection, and of the calls of a Cluster.

A frame tracer sees every frame both ways, credentials masked. A call tracer sees the beginning and
the end of each call; `coolamqp.telemetry` has some. This module knows of frames only that they have
a repr; the floors above decide when to call a tracer, and on which thread.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from coolamqp.log_events import LogEvent, extra

Direction = Literal['to_client', 'to_server']
CallKind = Literal['client', 'producer', 'consumer']

__all__ = [
    'BaseFrameTracer',
    'Call',
    'CallKind',
    'CallSpan',
    'CallTracer',
    'Direction',
    'HoldingFrameTracer',
    'LoggingFrameTracer',
]

_FRAME: Final = extra(LogEvent.FRAME)


class BaseFrameTracer(ABC):
    """The base of all frame tracers."""

    @abstractmethod
    def on_frame(self, timestamp: float, frame: object, direction: Direction) -> None:
        """Process one frame.

        The engine calls this while it is at work, so be quick, and call nothing of the Cluster.

        :param timestamp: seconds on the monotonic clock
        :param frame: an object of a class in `coolamqp.framing.frames`
        :param direction: 'to_client' for a frame of the broker, 'to_server' for one of the client
        """


class LoggingFrameTracer(BaseFrameTracer):
    """Writes every frame to a logger.

    :param logger: by default 'coolamqp.frames'
    :param log_level: level of the log records
    """

    def __init__(
        self, logger: logging.Logger | None = None, log_level: int = logging.WARNING
    ) -> None:
        self.logger = logger or logging.getLogger('coolamqp.frames')
        self.log_level = log_level

    def on_frame(self, timestamp: float, frame: object, direction: Direction) -> None:
        """Log the frame on one line."""
        self.logger.log(self.log_level, '%.6f %s: %s', timestamp, direction, frame, extra=_FRAME)


class HoldingFrameTracer(BaseFrameTracer):
    """Keeps every frame.

    :ivar frames: a list of (direction, timestamp, frame)
    """

    def __init__(self) -> None:
        self.frames: list[tuple[Direction, float, object]] = []

    def on_frame(self, timestamp: float, frame: object, direction: Direction) -> None:
        """Keep the frame."""
        self.frames.append((direction, timestamp, frame))

    def clear(self) -> None:
        """Remove all frames."""
        self.frames.clear()


@dataclass(frozen=True)
class Call:
    """A description of a call, for call tracers of any kind of telemetry.

    :ivar name: name of the method, such as 'publish'
    :ivar kind: 'producer' or 'consumer' of messages, or else 'client' of the broker
    :ivar destination: queue or exchange of the call; empty if there is none
    :ivar peer: host and port of the node, if there is one
    :ivar details: further facts, such as the routing key
    """

    name: str
    kind: CallKind = 'client'
    destination: str = ''
    peer: tuple[str, int] | None = None
    details: Mapping[str, str] = field(default_factory=dict)


class CallSpan(Protocol):
    """The span of a call. Any thread may use it; it ends once."""

    def headers(self) -> Mapping[str, str]:
        """Return the headers by which the receiver of a message finds this span."""

    def add_detail(self, name: str, value: str) -> None:
        """Add a fact that was not known when the call began."""

    def link(self, headers: Mapping[str, Any]) -> None:
        """Link the span to the one that has published a received message, by its headers."""

    def end(self, error: BaseException | None = None) -> None:
        """End the span; with the error of the call, if it has failed.

        Often runs on the thread that serves the connection, so be quick.
        """


class CallTracer(Protocol):
    """A tracer of the calls of a Cluster, and of the messages that it receives."""

    @property
    def traces_settlements(self) -> bool:
        """Whether `ack`, `nack` and `reject` are calls for it, too."""

    def begin(self, call: Call, parent: Any) -> CallSpan:
        """Start the span of a call.

        :param parent: the span that the program has passed; None for the active one, if any
        """

    def process(
        self, call: Call, headers: Sequence[Mapping[str, Any]], parent: Any
    ) -> AbstractContextManager[None]:
        """Return the block in which to process a message or a batch; it records an exception.

        :param headers: the headers of each message, perhaps with those of `CallSpan.headers`
        :param parent: the span that the program has passed for its consumer, or None
        """
