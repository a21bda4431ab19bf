"""The messages of a consumer, for the main thread of a command, until one of several ends."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Any

from coolamqp.cli.errors import Failure
from coolamqp.cli.session import Session
from coolamqp.cli.stop import Stop
from coolamqp.clustering import Cluster
from coolamqp.objects import Queue, ReceivedMessage

PREFETCH = 100


class Deliveries:
    """A consumer, and its messages in order.

    :param session: of the command
    :param cluster: the connection
    :param queue: the queue, or the name of a queue that exists
    :param stop: the wish of the user to end
    :param options: further options of the consumer
    """

    def __init__(
        self, session: Session, cluster: Cluster, queue: Queue | str, stop: Stop, **options: Any
    ) -> None:
        self._arrived: SimpleQueue[ReceivedMessage | None] = SimpleQueue()
        self._stop = stop
        self._name = queue if isinstance(queue, str) else ''
        self._cancelled = False
        stop.wakes(self._arrived)
        options.setdefault('no_ack', False)
        if not options['no_ack']:
            options.setdefault('prefetch', PREFETCH)
        self._consumer, consuming = cluster.consume(
            queue, self._arrived.put, inline=True, declare=isinstance(queue, Queue), **options
        )
        self._consumer.on_broker_cancel.add(self._on_cancel)
        session.wait(consuming)

    def _on_cancel(self, *_: object) -> None:
        self._cancelled = True
        self._arrived.put(None)

    def until(
        self, *, count: int | None = None, idle: float | None = None
    ) -> Iterator[ReceivedMessage]:
        """Yield messages until the user ends the command.

        :param count: how many messages to yield at most
        :param idle: the seconds without a message after which there are no more
        :raises Failure: the broker has cancelled the consumer
        """
        while count is None or count > 0:
            try:
                message = None if self._stop.requested else self._arrived.get(timeout=idle)
            except Empty:
                return
            if self._cancelled and message is None:
                raise Failure(
                    f'the broker has cancelled the consumer of {self._name}: the queue was '
                    f'deleted, or its node has stopped; see: coolamqp info queue {self._name}'
                )
            if self._stop.requested or message is None:
                return
            yield message
            count = None if count is None else count - 1
