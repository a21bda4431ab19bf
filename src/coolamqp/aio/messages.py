"""Iterating over the messages of a queue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Protocol, Self

from coolamqp.aio.future import ClusterFuture
from coolamqp.aio.inbox import Inbox
from coolamqp.api.events import Event, MessageReceived
from coolamqp.attaches import Consumer
from coolamqp.objects import ReceivedMessage


class Source(Protocol):
    """What an iteration needs of its Cluster."""

    def begin_iteration(self, consumer: Consumer, inbox: Inbox) -> ClusterFuture:
        """Begin to consume into an inbox."""

    async def take(self, inbox: Inbox, timeout: float | None) -> Event:
        """Wait for an event."""

    def end_iteration(self, consumer: Consumer) -> ClusterFuture:
        """Have the consumer cancelled, and its messages forgotten."""

    def end_iteration_later(self, consumer: Consumer) -> None:
        """Do the same in a while, from any thread."""


class MessageIterator(AsyncIterator[ReceivedMessage]):
    """The messages of a queue, one after the other; made by `Cluster.messages`.

    :ivar consumer: the consumer behind it
    """

    def __init__(self, source: Source, consumer: Consumer, timeout: float | None) -> None:
        self.consumer = consumer
        self._source = source
        self._inbox = Inbox()
        self._timeout = timeout
        self._consuming: ClusterFuture | None = None
        self._closed = False

    async def __anext__(self) -> ReceivedMessage:
        if not self._closed:
            await self._begin()
            event = await self._source.take(self._inbox, self._timeout)
            if isinstance(event, MessageReceived):
                return event
        await self.close()
        raise StopAsyncIteration

    async def _begin(self) -> None:
        """Begin to consume, once; who is cancelled meanwhile may come again."""
        if self._consuming is None:
            self._consuming = self._source.begin_iteration(self.consumer, self._inbox)
        if self._consuming.done():
            return
        await asyncio.shield(self._consuming)

    async def close(self) -> None:
        """End the consumer; what was fetched and not settled goes back into the queue."""
        if self._closed:
            return
        self._closed = True
        if self._consuming is not None:
            await self._source.end_iteration(self.consumer)

    async def __aenter__(self) -> Self:
        await self._begin()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        if self._consuming is not None and not self._closed:
            self._source.end_iteration_later(self.consumer)
