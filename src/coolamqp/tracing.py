"""Hooks for who wants to look on: at the frames of a connection, and at the calls of a Cluster.

A tracer of frames is handed every frame both ways, credentials masked. A tracer of calls is told
when one begins and ends; `coolamqp.telemetry` has those that there are. Knows of frames only that
they have a repr; who calls the tracers, and on which thread, is decided above.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

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
    """Writes every frame to a logger.

    :param logger: 'coolamqp.frames' unless told otherwise
    :param log_level: of the lines
    """

    def __init__(
        self, logger: logging.Logger | None = None, log_level: int = logging.WARNING
    ) -> None:
        self.logger = logger or logging.getLogger('coolamqp.frames')
        self.log_level = log_level

    def on_frame(self, timestamp: float, frame: object, direction: Direction) -> None:
        """Log the frame on one line."""
        self.logger.log(self.log_level, '%.6f %s: %s', timestamp, direction, frame)


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
        """Forget the frames seen so far."""
        self.frames.clear()


@dataclass(frozen=True)
class Call:
    """What a tracer of calls is told of a call, in words that belong to no kind of telemetry.

    :ivar name: of the method, such as 'publish'
    :ivar kind: 'producer' or 'consumer' of messages, or else 'client' of the broker
    :ivar destination: the queue or exchange that it is about; empty if there is none
    :ivar peer: host and port of the node, if there is one
    :ivar details: what else there is to know, such as the routing key
    """

    name: str
    kind: CallKind = 'client'
    destination: str = ''
    peer: tuple[str, int] | None = None
    details: Mapping[str, str] = field(default_factory=dict)


class CallSpan(Protocol):
    """A call that is under way, as a tracer of calls sees it. Used from any thread, ended once."""

    def headers(self) -> Mapping[str, str]:
        """Give the headers that tell the receiver of a message to which span it belongs."""

    def add_detail(self, name: str, value: str) -> None:
        """Tell what has become known only meanwhile."""

    def end(self, error: BaseException | None = None) -> None:
        """Note that the call has ended, well or with an error.

        Often runs on the thread that serves the connection: be quick.
        """


class CallTracer(Protocol):
    """Something that wants to know of the calls of a Cluster, and of the messages it receives."""

    def begin(self, call: Call, parent: Any) -> CallSpan:
        """Begin a call.

        :param parent: the span that the program gave for it; None for the active one, if any
        """

    def process(
        self, call: Call, headers: Mapping[str, Any], parent: Any
    ) -> AbstractContextManager[None]:
        """Give the block in which a received message is processed, and what it raises is noted.

        :param headers: of the message, perhaps with those of `CallSpan.headers` among them
        :param parent: the span that the program gave for its consumer, or None
        """
