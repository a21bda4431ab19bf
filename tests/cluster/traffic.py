"""The traffic through a cluster of RabbitMQ nodes, in both directions, and its history.

Four threads publish with confirms to two quorum queues. One queue is consumed meanwhile. The other
one is read only at the end, so that it shows the order in which the broker has stored the messages.
A client calls a server.
"""

from __future__ import annotations

import itertools
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from coolamqp.clustering import Cluster
from coolamqp.exceptions import CoolAMQPError
from coolamqp.objects import Message, NodeDefinition, Queue, ReceivedMessage
from tests.support.history import History, Identity, What, complaints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from tests.cluster.figures import Figures
    from tests.support.rabbitmq_cluster import RabbitMQCluster

PUBLISHERS: Final = 4
IN_FLIGHT: Final = 50  # unconfirmed messages of each publisher
PAUSE: Final = 0.004  # seconds between two messages of a publisher, so that the consumer keeps up
PREFETCH: Final = 100
HEARTBEAT: Final = 2  # seconds
CALL_TIMEOUT: Final = 5.0  # seconds
PATIENCE: Final = 30.0  # seconds
PERSISTENT: Final = {'delivery_mode': 2}

_numbers = itertools.count(1)


def quorum_queue(name: str) -> Queue:
    """Return a quorum queue."""
    return Queue(name, durable=True, arguments={'x-queue-type': 'quorum'})


@contextmanager
def checked_traffic(nodes: RabbitMQCluster, figures: Figures) -> Iterator[Traffic]:
    """Run traffic during the block, and check and measure its history at the end."""
    with Traffic(nodes) as traffic:
        traffic.await_flow()
        yield traffic
    figures.add(traffic.history, traffic.stored, traffic.consumed, nodes)
    assert complaints(traffic.history, ordered={traffic.stored}) == []


class Traffic:
    """The traffic during a block. At its end, all messages have been read.

    The publishers prefer node a, the consumer and the server node b, and the caller node c.
    RabbitMQ puts the leader of a queue on the node on which it is declared: that of `stored` on
    node a, and those of `consumed` and of the requests on node b.
    """

    def __init__(self, nodes: RabbitMQCluster) -> None:
        run = next(_numbers)
        self.history = History()
        self.stored, self.consumed = self.queues = f'stored-{run}', f'consumed-{run}'
        self._requests = f'requests-{run}'
        self._publisher, self._consumer, self._caller = self._clusters = [
            Cluster(
                [NodeDefinition(url, heartbeat=HEARTBEAT) for url in nodes.urls(first)],
                name=name,
            )
            for first, name in enumerate(('publisher', 'consumer', 'caller'))
        ]
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._call)]
        self._threads += [
            threading.Thread(target=self._publish, args=(thread,)) for thread in range(PUBLISHERS)
        ]
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        with self._exits:
            self._exits.callback(self._join)  # The end of the clusters ends what the threads await.
            for cluster in self._clusters:
                self._exits.enter_context(cluster)
            self._publisher.declare(quorum_queue(self.stored)).result(PATIENCE)
            self._consume(self.consumed, self._on_message)
            self._consume(self._requests, self._on_request)
            for thread in self._threads:
                thread.start()
            self._exits = self._exits.pop_all()
        return self

    def __exit__(self, *raised: object) -> None:
        with self._exits:
            self._over.set()
            if raised[0] is None:
                self._finish()

    def await_flow(self) -> None:
        """Wait until messages are confirmed and delivered that were not before, and for a reply."""
        history = self.history
        for queue in self.queues:
            self._await(What.CONFIRM, queue, len(history.unsettled[queue]) + 1)
        self._await(What.ACK, self.consumed, PREFETCH + 1)
        known = len(history.calls) + 1  # One call is under way.
        history.wait_until(
            lambda: any(call.error is None for call in history.calls[known:]), PATIENCE, 'a reply'
        )

    # -- private

    def _await(self, what: What, queue: str, more: int) -> None:
        """Wait until this happens to so many more messages of a queue."""
        count = self.history.count(what, queue) + more
        self.history.wait_until(
            lambda: self.history.count(what, queue) >= count,
            PATIENCE,
            f'{count} messages {what.value} in {queue}',
        )

    def _publish(self, thread: int) -> None:
        room = threading.Semaphore(IN_FLIGHT)
        for number in itertools.count():
            for queue in (self.stored, self.consumed):
                room.acquire()
                if self._over.wait(PAUSE):
                    return
                message = Identity(queue, thread, number)
                self.history.record(What.PUBLISH, message)
                future = self._publisher.publish(
                    Message(str(message).encode(), PERSISTENT), routing_key=queue, confirm=True
                )
                future.add_done_callback(partial(self._on_settled, message, room))

    def _on_settled(
        self, message: Identity, room: threading.Semaphore, future: Future[None]
    ) -> None:
        self.history.record(What.FAIL if future.exception() else What.CONFIRM, message)
        room.release()

    def _on_message(self, received: ReceivedMessage) -> None:
        message = Identity.parse(received.text())
        self.history.record(What.DELIVER, message)
        received.ack()
        self.history.record(What.ACK, message)

    def _on_request(self, request: ReceivedMessage) -> None:
        request.reply(request.body)
        request.ack()

    def _call(self) -> None:
        while not self._over.is_set():
            start, error = time.time(), None
            try:
                self._caller.call(b'?', self._requests, CALL_TIMEOUT).result(PATIENCE)
            except (CoolAMQPError, TimeoutError) as raised:
                error = raised
                self._over.wait(0.05)  # It may fail at once.
            self.history.record_call(start, error)

    def _finish(self) -> None:
        """Stop publishing, and read all that was published."""
        self._join()
        for queue in self.queues:
            self._await_none(self.history.unsettled[queue], 'the ends of all futures')
        self._consume(self.stored, self._on_message)
        for queue in self.queues:
            self._await_none(self.history.unread[queue], 'all confirmed messages')
        for queue in (*self.queues, self._requests):
            self._consumer.delete_queue(queue).result(PATIENCE)

    def _consume(self, name: str, on_message: Callable[[ReceivedMessage], None]) -> None:
        self._consumer.consume(
            quorum_queue(name), on_message, no_ack=False, prefetch=PREFETCH
        )[1].result(PATIENCE)  # fmt: skip

    def _await_none(self, messages: set[Identity], text: str) -> None:
        self.history.wait_until(lambda: not messages, PATIENCE, text)

    def _join(self) -> None:
        for thread in self._threads:
            if thread.is_alive():
                thread.join(PATIENCE)
