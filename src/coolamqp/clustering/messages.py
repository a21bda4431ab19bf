"""Iterating over the messages of a queue."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, Self

from coolamqp.api.events import Event, MessageReceived
from coolamqp.attaches import Consumer
from coolamqp.clustering.inbox import Inbox
from coolamqp.objects import ReceivedMessage


class Source(Protocol):
    """What an iteration needs of its Cluster."""

    def take(self, inbox: Inbox, timeout: float | None) -> Event:
        """Wait for an event."""

    def end_iteration(self, consumer: Consumer) -> None:
        """Have the consumer cancelled, and its messages forgotten."""

    def end_iteration_later(self, consumer: Consumer) -> None:
        """Do the same, but not here and now."""


class MessageIterator(Iterator[ReceivedMessage]):
    """The messages of a queue, one after the other; made by `Cluster.messages`.

    :ivar consumer: the consumer behind it
    """

    def __init__(
        self, source: Source, consumer: Consumer, inbox: Inbox, timeout: float | None
    ) -> None:
        self.consumer = consumer
        self._source = source
        self._inbox = inbox
        self._timeout = timeout
        self._closed = False

    def __next__(self) -> ReceivedMessage:
        event = None if self._closed else self._source.take(self._inbox, self._timeout)
        if isinstance(event, MessageReceived):
            return event
        self.close()
        raise StopIteration

    def close(self) -> None:
        """End the consumer; what was fetched and not settled goes back into the queue."""
        if not self._closed:
            self._closed = True
            self._source.end_iteration(self.consumer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # The garbage collector may run anywhere, also where this thread holds the engine's lock.
        if not self._closed:
            self._source.end_iteration_later(self.consumer)
