"""The consuming calls of a Cluster for asyncio: by callback, by iteration, or with `drain`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coolamqp.aio.core import ClusterCore
from coolamqp.aio.future import ClusterFuture
from coolamqp.aio.messages import MessageIterator
from coolamqp.api.consuming import ITERATION_PREFETCH, ConsumeCalls
from coolamqp.api.requests import check_timeout
from coolamqp.api.spans import end_span
from coolamqp.attaches import Consumer
from coolamqp.attaches.events import Event
from coolamqp.objects import Queue


class Consuming(ConsumeCalls[ClusterFuture]):
    """Consuming; see `coolamqp.aio.Cluster`."""

    _core: ClusterCore

    def consume(
        self,
        queue: Queue,
        on_message: Callable[[Any], Any] | None = None,
        span: Any = None,
        dont_trace: bool = False,
        **options: Any,
    ) -> tuple[Consumer, ClusterFuture]:
        """Consume a queue, which is declared first.

        :param on_message: a plain or a coroutine function, called with each message in order, the
            next when it has ended; None to `drain` them
        :param span: if there is a tracer, parent of the span of this call, and what the spans of
            the callbacks refer to; None for the active one
        :param dont_trace: True for no span, neither for this call nor for the callbacks
        :param options: keyword arguments of `Consumer`. With `workers`, so many messages are worked
            on at once; with `inline`, `on_message` is called at reception, and must be quick
        :returns: the consumer, and a future that ends when consuming has begun, or with `AMQPError`

        >>> consumer, ready = cluster.consume(Queue('jobs'), on_message)  # doctest: +SKIP
        >>> await ready  # doctest: +SKIP
        """
        return self._consume(queue, on_message, span, dont_trace, **options)

    def messages(
        self,
        queue: Queue,
        *,
        timeout: float | None = None,
        no_ack: bool = False,
        prefetch: int = ITERATION_PREFETCH,
        **options: Any,
    ) -> MessageIterator:
        """Consume a queue by iterating over its messages.

        The iteration ends at the shutdown of the Cluster, when the consumer ends, or when nothing
        has come for `timeout`. Leaving it, best by its `async with` block, ends the consumer, and
        what was fetched and not settled goes back into the queue. At a reconnect it just goes on.

        :param timeout: how long to wait for a message, in seconds; None for as long as it takes
        :param prefetch: how many unsettled messages the broker sends ahead
        :param options: further keyword arguments of `Consumer`
        :raises AMQPError: from the first step: the broker refuses

        >>> async for message in cluster.messages(Queue('jobs'), timeout=1.0):  # doctest: +SKIP
        ...     print(message.text())
        ...     message.ack()
        """
        check_timeout(timeout)
        consumer = Consumer(queue, None, no_ack=no_ack, prefetch=prefetch, **options)
        return MessageIterator(self._core, consumer, self._begin_iteration, timeout)

    async def drain(
        self, timeout: float | None, span: Any = None, dont_trace: bool = False
    ) -> Event:
        """Wait for an event: a message for a consumer without `on_message`, a lost connection.

        :param timeout: seconds; 0 returns at once, None waits until there is an event or a shutdown
        :param span: parent of the span of this call, if there is a tracer; None for the active one
        :param dont_trace: True for no span
        :returns: `NothingMuch` if nothing came
        :raises RuntimeError: the Cluster was not started
        """
        with self._core.traced('drain', None, span, dont_trace, kind='consumer') as traced:
            check_timeout(timeout)
            self._core.begun()
            event = await self._core.take(self._core.inbox, timeout)
            if traced is not None:
                traced.add_detail('event', type(event).__name__)
                end_span(traced)
            return event
