"""The common part of the consuming calls for threads and for asyncio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic

from coolamqp.api.commands import FutureT
from coolamqp.api.core import ClosableInbox, Core
from coolamqp.attaches import Consumer
from coolamqp.compat import AttacheGroup
from coolamqp.framing.text import Text
from coolamqp.objects import Queue

# The default prefetch count of an iteration, in messages.
ITERATION_PREFETCH: Final = 100


class ConsumeCalls(Generic[FutureT]):
    """The consuming calls of a Cluster for threads and for asyncio."""

    _core: Core[FutureT, Any]

    def add_consumer(self, consumer: Consumer) -> FutureT:
        """Start a consumer that the program has made, often an object of its own subclass.

        :param consumer: the consumer
        :returns: a future that succeeds when consuming has begun. It ends with `AMQPError` if the
            broker refuses
        :raises TypeError: the argument is no `Consumer`, or this Cluster cannot call its
            `on_message`
        :raises ValueError: the consumer belongs to this or another Cluster already
        :raises RuntimeError: the Cluster is not started
        :raises ConnectionDead: the Cluster is shut down

        >>> consumer = Consumer(Queue('tasks', durable=True), print, no_ack=False, prefetch=10)
        >>> cluster.add_consumer(consumer).result()  # doctest: +SKIP
        """
        if not isinstance(consumer, Consumer):
            raise TypeError(f'consumer must be a Consumer, not {consumer!r}')
        with self._core.traced('consume', consumer.queue, consumer.span, kind='consumer') as traced:
            return self._core.consume(consumer, traced)

    @property
    def attache_group(self) -> AttacheGroup:
        """The object to which programs for CoolAMQP 2.x add their consumers."""
        return AttacheGroup(self.add_consumer)

    def _consume(
        self,
        queue: Queue | Text,
        on_message: Callable[[Any], Any] | None,
        span: Any,
        dont_trace: bool,
        *args: Any,
        **options: Any,
    ) -> tuple[Consumer, FutureT]:
        with self._core.traced('consume', queue, span, dont_trace, kind='consumer') as traced:
            consumer = Consumer(queue, on_message, span, *args, **options)
            consumer.dont_trace = dont_trace
            return consumer, self._core.consume(consumer, traced)

    def _iterated(
        self, queue: Queue | Text, no_ack: bool, prefetch: int | None, **options: Any
    ) -> Consumer:
        """Return the consumer of an iteration."""
        if prefetch is None and not no_ack:
            prefetch = ITERATION_PREFETCH
        return Consumer(queue, None, no_ack=no_ack, prefetch=prefetch, **options)

    def _begin_iteration(self, consumer: Consumer, inbox: ClosableInbox) -> FutureT:
        """Consume into an inbox of its own."""
        consumer.on_cancel.add(inbox.close)
        with self._core.traced('consume', consumer.queue, kind='consumer') as traced:
            return self._core.consume(consumer, traced, inbox)
