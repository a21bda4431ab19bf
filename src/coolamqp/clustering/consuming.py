"""The part of a Cluster that consumes: by callback, by iteration, or by asking with `drain`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coolamqp.api.events import Event, MessageReceived
from coolamqp.api.iterations import ITERATION_PREFETCH
from coolamqp.api.requests import check_timeout
from coolamqp.api.spans import end_span
from coolamqp.attaches import Consumer
from coolamqp.attaches.argument_orders import consume_takes_both_orders
from coolamqp.clustering.core import ClusterCore
from coolamqp.clustering.future import ClusterFuture
from coolamqp.clustering.inbox import Inbox
from coolamqp.clustering.messages import MessageIterator
from coolamqp.objects import Queue


class Consuming(ClusterCore):
    """Consuming; see `coolamqp.clustering.Cluster`."""

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
        with self._traced('consume', queue, span, dont_trace, kind='consumer') as traced:
            consumer = Consumer(queue, on_message, span, *args, **kwargs)
            consumer.dont_trace = dont_trace
            return consumer, self._begin_to_consume(consumer, traced)

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
        self.check_may_wait()
        consumer = Consumer(queue, None, no_ack=no_ack, prefetch=prefetch, **options)
        inbox = Inbox()
        self._iterations.begin(consumer, inbox)
        iterator = MessageIterator(self, consumer, inbox, timeout)
        try:
            self.add_consumer(consumer).result()
        except BaseException:
            iterator.close()
            raise
        return iterator

    def end_iteration(self, consumer: Consumer) -> None:
        """Forget an iteration; programs call `close` of the iterator."""
        if self._forked:
            return  # Threads that are not here may have held the locks.
        consumer.cancel()
        inbox = self._iterations.end(consumer)
        while inbox is not None and isinstance(event := inbox.take(0), MessageReceived):
            self._dispatcher.release(event)

    def end_iteration_later(self, consumer: Consumer) -> None:
        """Forget an iteration that was left without `close`."""
        if self._forked:
            return
        self._dispatcher.call_late(self.end_iteration, consumer)

    def take(self, inbox: Inbox, timeout: float | None) -> Event:
        """Wait for an event, and note that it waits no more."""
        if timeout == 0:
            self.check_process()
        else:
            self.check_may_wait()
        event = inbox.take(timeout)
        if isinstance(event, MessageReceived):
            self._dispatcher.release(event)
        return event

    def drain(self, timeout: float | None, span: Any = None, dont_trace: bool = False) -> Event:
        """Wait for an event: a message for a consumer without `on_message`, a lost connection.

        :param timeout: seconds; 0 returns at once, None waits until there is an event or a shutdown
        :param span: parent of the span of this call, if there is a tracer; None for the active one
        :param dont_trace: True for no span
        :returns: `NothingMuch` if nothing came
        :raises RuntimeError: the Cluster was not started
        """
        if self._call_tracer is None or dont_trace:
            return self._drain(timeout)
        with self._traced('drain', None, span, kind='consumer') as traced:
            event = self._drain(timeout)
            if traced is not None:
                traced.add_detail('event', type(event).__name__)
                end_span(traced)
            return event

    def _drain(self, timeout: float | None) -> Event:
        check_timeout(timeout)
        self._begun()
        return self.take(self._inbox, timeout)
