"""The consuming calls of a Cluster by threads: by callback, by iteration, or with `drain`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coolamqp.api.consuming import ITERATION_PREFETCH, ConsumeCalls
from coolamqp.api.requests import check_timeout
from coolamqp.api.spans import end_span
from coolamqp.attaches import Consumer
from coolamqp.attaches.events import Event
from coolamqp.clustering.core import ClusterCore
from coolamqp.clustering.future import ClusterFuture
from coolamqp.clustering.inbox import Inbox
from coolamqp.clustering.messages import MessageIterator
from coolamqp.compat import consume_takes_both_orders
from coolamqp.objects import Queue


class Consuming(ConsumeCalls[ClusterFuture]):
    """Consuming; see `coolamqp.clustering.Cluster`."""

    _core: ClusterCore

    @consume_takes_both_orders
    def consume(
        self,
        queue: Queue,
        on_message: Callable[[Any], Any] | None = None,
        span: Any = None,
        dont_trace: bool = False,
        *args: Any,
        **kwargs: Any,
    ) -> tuple[Consumer, ClusterFuture]:
        """Consume a queue, which is declared first.

        :param queue: declared with its exchange and its binding, if it names one
        :param on_message: called with each message on a dispatcher thread; None to `drain` them
        :param span: if there is a tracer, parent of the span of this call, and what the spans of
            the callbacks refer to; None for the active one
        :param dont_trace: True for no span, neither for this call nor for the callbacks
        :param args: further arguments of `Consumer`, by position or by keyword
        :returns: the consumer, and a future that ends when consuming has begun, or with `AMQPError`

        >>> consumer, consuming = cluster.consume(  # doctest: +SKIP
        ...     Queue('jobs', durable=True), print, no_ack=False, prefetch=10
        ... )
        """
        return self._consume(queue, on_message, span, dont_trace, *args, **kwargs)

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
        has come for `timeout`. Leaving it, best by its `with` block, ends the consumer, and what
        was fetched and not settled goes back into the queue. At a reconnect it just goes on.

        :param timeout: how long to wait for a message, in seconds; None for as long as it takes
        :param queue: declared with its exchange and its binding, if it names one
        :param no_ack: whether the broker forgets a message as soon as it is sent
        :param prefetch: how many unsettled messages the broker sends ahead
        :param options: further keyword arguments of `Consumer`
        :raises AMQPError: the broker refuses

        >>> for message in cluster.messages(Queue('jobs'), timeout=1.0):  # doctest: +SKIP
        ...     print(message.text())
        ...     message.ack()
        """
        check_timeout(timeout)
        self._core.check_may_wait()
        consumer = Consumer(queue, None, no_ack=no_ack, prefetch=prefetch, **options)
        inbox = Inbox()
        iterator = MessageIterator(self._core, consumer, inbox, timeout)
        try:
            self._begin_iteration(consumer, inbox).result()
        except BaseException:
            iterator.close()
            raise
        return iterator

    def drain(self, timeout: float | None, span: Any = None, dont_trace: bool = False) -> Event:
        """Wait for an event: a message for a consumer without `on_message`, a lost connection.

        :param timeout: seconds; 0 returns at once, None waits until there is an event or a shutdown
        :param span: parent of the span of this call, if there is a tracer; None for the active one
        :param dont_trace: True for no span
        :returns: `NothingMuch` if nothing came
        :raises RuntimeError: the Cluster was not started
        """
        if self._core.tracer is None or dont_trace:
            return self._drain(timeout)
        with self._core.traced('drain', None, span, kind='consumer') as traced:
            event = self._drain(timeout)
            if traced is not None:
                traced.add_detail('event', type(event).__name__)
                end_span(traced)
            return event

    def _drain(self, timeout: float | None) -> Event:
        check_timeout(timeout)
        self._core.begun()
        return self._core.take(self._core.inbox, timeout)
