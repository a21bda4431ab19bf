"""Iterating over the messages of a queue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self

from coolamqp.aio.core import ClusterCore
from coolamqp.aio.future import ClusterFuture
from coolamqp.aio.inbox import Inbox
from coolamqp.api.spans import end_span
from coolamqp.attaches import Consumer
from coolamqp.attaches.events import MessageReceived
from coolamqp.objects import ReceivedMessage


class MessageIterator(AsyncIterator[ReceivedMessage]):
    """The messages of a queue, one after the other; `Cluster.messages` makes it.

    :param begin: consumes into an inbox
    :ivar consumer: the consumer that receives them
    """

    def __init__(
        self,
        core: ClusterCore,
        consumer: Consumer,
        begin: Callable[[Consumer, Inbox], ClusterFuture],
        timeout: float | None,
    ) -> None:
        self.consumer = consumer
        self._core = core
        self._begin_to_consume = begin
        self._inbox = Inbox()
        self._timeout = timeout
        self._consuming: ClusterFuture | None = None
        self._closed = False

    async def __anext__(self) -> ReceivedMessage:
        if not self._closed:
            await self._begin()
            self._core.step(self.consumer)
            with self._core.traced_receive(self.consumer) as span:
                event = await self._core.take(self._inbox, self._timeout)
                end_span(span, result=event)
            if isinstance(event, MessageReceived):
                return event
        await self.close()
        raise StopAsyncIteration

    async def _begin(self) -> None:
        """Begin to consume, once; a task that is cancelled meanwhile may come again."""
        if self._consuming is None:
            self._consuming = self._begin_to_consume(self.consumer, self._inbox)
            # It is raised in the next step, if there is one.
            self._consuming.add_done_callback(ClusterFuture.exception)
            self._core.begin_iteration(self.consumer, self._inbox)
        if not self._consuming.done():
            await asyncio.wait([self._consuming])
        self._consuming.result()

    async def close(self) -> None:
        """End the consumer; messages that were not settled go back to the queue."""
        ended = self._end()
        if ended is not None:
            await ended

    def _end(self) -> ClusterFuture | None:
        """Begin to end the consumer, once; return the future of its end."""
        closed, self._closed = self._closed, True
        if closed or self._consuming is None:
            return None
        future: ClusterFuture | None = self._core.end_iteration(self.consumer, self._inbox)
        return future

    async def __aenter__(self) -> Self:
        try:
            await self._begin()
        except BaseException:  # Python does not enter the block, so it does not leave it either.
            self._end()
            raise
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
            self._core.end_iteration_later(self.consumer, self._inbox)
