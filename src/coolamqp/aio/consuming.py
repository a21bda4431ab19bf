"""The consuming calls of a Cluster for asyncio: by callback, by iteration, or with `drain`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coolamqp.aio.core import ClusterCore
from coolamqp.aio.future import ClusterFuture
from coolamqp.aio.messages import MessageIterator
from coolamqp.api.consuming import ConsumeCalls
from coolamqp.api.requests import check_timeout
from coolamqp.api.spans import end_span
from coolamqp.attaches import Consumer
from coolamqp.attaches.events import Event
from coolamqp.framing.text import Text
from coolamqp.objects import Queue


class Consuming(ConsumeCalls[ClusterFuture]):
    """Consuming; see `coolamqp.aio.Cluster`."""

    _core: ClusterCore

    def consume(
        self,
        queue: Queue | Text,
        on_message: Callable[[Any], Any] | None = None,
        span: Any = None,
        dont_trace: bool = False,
        *,
        no_ack: bool = False,
        **options: Any,
    ) -> tuple[Consumer, ClusterFuture]:
        """Consume a queue. CoolAMQP declares it first, unless it is given by its name only.

        :param on_message: a plain or a coroutine function, called with each message, the next one
            when it has ended; with None, `drain` returns the messages
        :param span: the parent of the span of this call; the spans of callbacks refer to it, too.
            None for the active span
        :param dont_trace: whether to make no spans, for this call and for the callbacks
        :param no_ack: whether the broker regards a message as acknowledged when it sends the
            message. The default differs from that of the Cluster for threads
        :param options: keyword arguments of `Consumer`. With `workers`, that many messages are
            processed at once. With `inline`, `on_message` runs at reception, and must be quick
        :returns: the consumer, and a future that ends when consuming has begun, or with `AMQPError`

        >>> consumer, ready = cluster.consume(Queue('jobs'), on_message)  # doctest: +SKIP
        >>> await ready  # doctest: +SKIP
        """
        return self._consume(queue, on_message, span, dont_trace, no_ack=no_ack, **options)

    def messages(
        self,
        queue: Queue | Text,
        *,
        timeout: float | None = None,
        no_ack: bool = False,
        prefetch: int | None = None,
        **options: Any,
    ) -> MessageIterator:
        """Consume a queue by iterating over its messages.

        The iteration ends with the Cluster, with the consumer, or when no message has come for
        `timeout` seconds. The end of its `async with` block ends the consumer; messages that were
        not settled go back to the queue. The iteration continues after a reconnect.

        :param timeout: how long to wait for a message, in seconds; None waits without a limit
        :param prefetch: how many unsettled messages the broker sends ahead; None for 100
        :param options: further keyword arguments of `Consumer`
        :raises AMQPError: in the first step, if the broker refuses the consumer

        >>> async for message in cluster.messages(Queue('jobs'), timeout=1.0):  # doctest: +SKIP
        ...     print(message.text())
        ...     message.ack()
        """
        check_timeout(timeout)
        consumer = self._iterated(queue, no_ack, prefetch, **options)
        return MessageIterator(self._core, consumer, self._begin_iteration, timeout)

    async def drain(
        self, timeout: float | None, span: Any = None, dont_trace: bool = False
    ) -> Event:
        """Wait for an event: a message for a consumer without `on_message`, or a lost connection.

        :param timeout: seconds; 0 returns at once, None waits until an event or the shutdown
        :param span: the parent of the span of this call; None for the active span
        :param dont_trace: whether to make no span
        :returns: the event; `NothingMuch` if there was none
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
