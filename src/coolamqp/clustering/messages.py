"""Iterating over the messages of a queue."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Self

from coolamqp.api.spans import end_span
from coolamqp.attaches import Consumer
from coolamqp.attaches.events import MessageReceived
from coolamqp.clustering.core import ClusterCore
from coolamqp.clustering.inbox import Inbox
from coolamqp.objects import ReceivedMessage


class MessageIterator(Iterator[ReceivedMessage]):
    """The messages of a queue, one after the other; `Cluster.messages` makes it.

    :ivar consumer: the consumer that receives them
    """

    def __init__(
        self, core: ClusterCore, consumer: Consumer, inbox: Inbox, timeout: float | None
    ) -> None:
        self.consumer = consumer
        self._core = core
        self._inbox = inbox
        self._timeout = timeout
        self._closed = False
        core.begin_iteration(consumer, inbox)

    def __next__(self) -> ReceivedMessage:
        if not self._closed:
            self._core.step(self.consumer)
            with self._core.traced_receive(self.consumer) as span:
                event = self._core.take(self._inbox, self._timeout)
                end_span(span, result=event)
            if isinstance(event, MessageReceived):
                return event
        self.close()
        raise StopIteration

    def close(self) -> None:
        """End the consumer; messages that were not settled go back to the queue."""
        if not self._closed:
            self._closed = True
            self._core.end_iteration(self.consumer, self._inbox)

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
            self._core.end_iteration_later(self.consumer, self._inbox)
