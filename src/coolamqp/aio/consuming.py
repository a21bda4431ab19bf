"""The consuming calls of a Cluster for asyncio: by callback, by iteration, or with `drain`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coolamqp.aio.core import ClusterCore
from coolamqp.aio.future import ClusterFuture
from coolamqp.aio.messages import MessageIterator
from coolamqp.api.consuming import ConsumeCalls, ConsumerAndFuture, iteration_prefetch
from coolamqp.api.requests import check_timeout
from coolamqp.api.spans import add_detail, end_span
from coolamqp.attaches import Batch, BodyReceiveMode, Consumer
from coolamqp.attaches.consumer_options import OnError
from coolamqp.attaches.events import Event
from coolamqp.attaches.promise import Promise
from coolamqp.framing.field_table import Arguments
from coolamqp.framing.text import Text
from coolamqp.objects import Queue, ReceivedMessage


class Consuming(ConsumeCalls[ClusterFuture]):
    """Consuming; see `coolamqp.aio.Cluster`."""

    _core: ClusterCore

    def consume(
        self,
        queue: Queue | Text,
        on_message: Callable[[ReceivedMessage], Any] | Callable[[Batch], Any] | None = None,
        span: Any = None,
        dont_trace: bool = False,
        *,
        no_ack: bool = False,
        qos: int | tuple[int | None, int] | None = None,
        cancel_on_failure: bool = False,
        future_to_notify: Promise | None = None,
        fail_on_first_time_resource_locked: bool = False,
        body_receive_mode: int = BodyReceiveMode.BYTES,
        arguments: Arguments = None,
        prefetch: int | None = None,
        exclusive: bool = False,
        no_local: bool = False,
        priority: int | None = None,
        consumer_tag: Text | None = None,
        workers: int = 1,
        inline: bool = False,
        on_error: OnError = 'keep',
        declare: bool = True,
        passive: bool = False,
        batch: int | None = None,
        within: float | None = None,
    ) -> tuple[Consumer, ClusterFuture]:
        """Consume a queue. CoolAMQP declares it first, unless it is given by its name only.

        The arguments that are not listed here are those of `coolamqp.attaches.Consumer`.

        :param on_message: a plain or a coroutine function, called with each message, or each
            `Batch`, the next one when it has ended; with None, `drain` returns the messages
        :param no_ack: whether the broker regards a message as acknowledged when it sends the
            message. The default differs from that of the Cluster for threads
        :param workers: how many messages are processed at once
        :param inline: whether `on_message` runs at reception; it must be quick
        :param span: the parent of the span of this call; the spans of callbacks refer to it, too.
            None for the active span
        :param dont_trace: whether to make no spans, for this call and for the callbacks
        :returns: the consumer, and a future that ends when consuming has begun, or with `AMQPError`

        >>> consumer, ready = cluster.consume(Queue('jobs'), on_message)  # doctest: +SKIP
        >>> await ready  # doctest: +SKIP
        """
        with self._core.traced('consume', queue, span, dont_trace, kind='consumer') as traced:
            consumer = Consumer(
                queue,
                on_message,
                span,
                no_ack,
                qos,
                cancel_on_failure,
                future_to_notify,
                fail_on_first_time_resource_locked,
                body_receive_mode,
                arguments,
                prefetch=prefetch,
                exclusive=exclusive,
                no_local=no_local,
                priority=priority,
                consumer_tag=consumer_tag,
                workers=workers,
                inline=inline,
                on_error=on_error,
                declare=declare,
                passive=passive,
                batch=batch,
                within=within,
            )
            consumer.dont_trace = dont_trace
            return ConsumerAndFuture((consumer, self._core.consume(consumer, traced)))

    def messages(
        self,
        queue: Queue | Text,
        *,
        timeout: float | None = None,
        no_ack: bool = False,
        prefetch: int | None = None,
        cancel_on_failure: bool = False,
        fail_on_first_time_resource_locked: bool = False,
        body_receive_mode: int = BodyReceiveMode.BYTES,
        arguments: Arguments = None,
        exclusive: bool = False,
        no_local: bool = False,
        priority: int | None = None,
        consumer_tag: Text | None = None,
        declare: bool = True,
        passive: bool = False,
    ) -> MessageIterator:
        """Consume a queue by iterating over its messages.

        The iteration ends with the Cluster, with the consumer, or when no message has come for
        `timeout` seconds. The end of its `async with` block ends the consumer; messages that were
        not settled go back to the queue. The iteration continues after a reconnect.

        The arguments that are not listed here are those of `coolamqp.attaches.Consumer`.

        :param timeout: how long to wait for a message, in seconds; None waits without a limit
        :param no_ack: whether the broker forgets a message as soon as it has sent it
        :param prefetch: how many unsettled messages the broker sends ahead; by default 100
        :raises AMQPError: in the first step, if the broker refuses the consumer

        >>> async for message in cluster.messages(Queue('jobs'), timeout=1.0):  # doctest: +SKIP
        ...     print(message.text())
        ...     message.ack()
        """
        check_timeout(timeout)
        consumer = Consumer(
            queue,
            None,
            no_ack=no_ack,
            prefetch=iteration_prefetch(prefetch, no_ack),
            cancel_on_failure=cancel_on_failure,
            fail_on_first_time_resource_locked=fail_on_first_time_resource_locked,
            body_receive_mode=body_receive_mode,
            arguments=arguments,
            exclusive=exclusive,
            no_local=no_local,
            priority=priority,
            consumer_tag=consumer_tag,
            declare=declare,
            passive=passive,
        )
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
                add_detail(traced, 'event', type(event).__name__)
                end_span(traced, result=event)
            return event
