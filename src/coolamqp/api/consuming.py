"""The common part of the consuming calls for threads and for asyncio."""

from __future__ import annotations

from typing import Any, Final, Generic, NoReturn

from coolamqp.api.commands import FutureT
from coolamqp.api.core import ClosableInbox, Core
from coolamqp.attaches import Consumer
from coolamqp.compat import AttacheGroup

# The default prefetch count of an iteration, in messages.
ITERATION_PREFETCH: Final = 100


def iteration_prefetch(prefetch: int | None, no_ack: bool) -> int | None:
    """Return the prefetch count of an iteration; None without acknowledgements."""
    return ITERATION_PREFETCH if prefetch is None and not no_ack else prefetch


class ConsumerAndFuture(tuple[Consumer, FutureT]):
    """A consumer and its future, as a tuple. Awaiting the tuple raises an error with advice."""

    __slots__ = ()

    def __await__(self) -> NoReturn:
        raise TypeError(
            'consume returns a consumer and a future; write: '
            'consumer, ready = cluster.consume(...), and then wait for ready'
        )


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

    def _begin_iteration(self, consumer: Consumer, inbox: ClosableInbox) -> FutureT:
        """Consume into an inbox of its own."""
        consumer.on_cancel.add(inbox.close)
        with self._core.traced('consume', consumer.queue, kind='consumer') as traced:
            return self._core.consume(consumer, traced, inbox)
