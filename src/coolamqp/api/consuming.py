"""The consuming calls of a Cluster that threads and asyncio have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic

from coolamqp.api.commands import FutureT
from coolamqp.api.core import ClosableInbox, Core
from coolamqp.attaches import Consumer
from coolamqp.compat import AttacheGroup
from coolamqp.objects import Queue

# How many unsettled messages the broker sends ahead of an iteration, unless told otherwise.
ITERATION_PREFETCH: Final = 100


class ConsumeCalls(Generic[FutureT]):
    """The part of a Cluster that consumes, as far as it is the same for threads and asyncio."""

    _core: Core[FutureT, Any]

    def add_consumer(self, consumer: Consumer) -> FutureT:
        """Start a consumer that was made by hand, often of a class of the program's own.

        :returns: a future that ends when consuming has begun, or with `AMQPError`
        :raises ValueError: it was added before, to this Cluster or another one
        """
        if not isinstance(consumer, Consumer):
            raise TypeError(f'consumer must be a Consumer, not {consumer!r}')
        with self._core.traced('consume', consumer.queue, consumer.span, kind='consumer') as traced:
            return self._core.consume(consumer, traced)

    @property
    def attache_group(self) -> AttacheGroup:
        """Where programs for CoolAMQP 2.x add consumers that they have made by hand."""
        return AttacheGroup(self.add_consumer)

    def _consume(
        self,
        queue: Queue,
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

    def _begin_iteration(self, consumer: Consumer, inbox: ClosableInbox) -> FutureT:
        """Consume into an inbox of its own."""
        consumer.on_cancel.add(inbox.close)
        with self._core.traced('consume', consumer.queue, kind='consumer') as traced:
            return self._core.consume(consumer, traced, inbox)
