"""What the tests with a real broker share: collecting messages, and waiting with an end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from coolamqp.clustering import Cluster
from coolamqp.clustering.future import ClusterFuture
from coolamqp.objects import Message, Queue, ReceivedMessage

PATIENCE = 30.0  # seconds, for whatever must happen in the end
SHORT = 0.2  # seconds, for what must not happen


class Collector:
    """An `on_message` that keeps what it is given, and lets a test wait for it.

    :param act: what to do with each message, such as `ReceivedMessage.ack`
    """

    def __init__(self, act: Callable[[ReceivedMessage], Any] | None = None) -> None:
        self.messages: list[ReceivedMessage] = []
        self._act = act
        self._condition = threading.Condition()

    def __call__(self, message: ReceivedMessage) -> None:
        if self._act is not None:
            self._act(message)
        with self._condition:
            self.messages.append(message)
            self._condition.notify_all()

    def wait_for(self, count: int, timeout: float = PATIENCE) -> list[ReceivedMessage]:
        """Wait for as many messages."""
        with self._condition:
            enough = self._condition.wait_for(lambda: len(self.messages) >= count, timeout)
            assert enough, f'{len(self.messages)} messages of {count} came within {timeout} s'
            return list(self.messages)

    def wait_until(self, predicate: Callable[[list[ReceivedMessage]], bool], what: str) -> None:
        """Wait until the messages are as they should be."""
        with self._condition:
            there = self._condition.wait_for(lambda: predicate(self.messages), PATIENCE)
            assert there, f'{what}: not within {PATIENCE} s; {len(self.messages)} messages came'

    @property
    def bodies(self) -> list[Any]:
        """The bodies so far."""
        return [message.body for message in self.messages]


class Signals:
    """A hook that notes what it is called with, and lets a test wait for that."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._condition = threading.Condition()

    def __call__(self, *arguments: Any) -> None:
        with self._condition:
            self.calls.append(arguments)
            self._condition.notify_all()

    def wait_for(self, count: int) -> list[tuple[Any, ...]]:
        """Wait for as many calls."""
        with self._condition:
            enough = self._condition.wait_for(lambda: len(self.calls) >= count, PATIENCE)
            assert enough, f'{len(self.calls)} calls of {count} came within {PATIENCE} s'
            return list(self.calls)


def await_event(event: threading.Event, what: str) -> None:
    """Wait for something that must happen."""
    assert event.wait(PATIENCE), f'{what}: not within {PATIENCE} s'


def confirmed(
    cluster: Cluster, body: Any, routing_key: str | bytes, properties: Any = None
) -> ClusterFuture:
    """Publish with a confirm to a queue."""
    future = cluster.publish(Message(body, properties), routing_key=routing_key, confirm=True)
    assert future is not None
    return future


def consume(cluster: Cluster, queue: Queue, on_message: Any = None, **options: Any) -> Any:
    """Consume, and return the consumer when it receives."""
    consumer, future = cluster.consume(queue, on_message, **options)
    future.result(PATIENCE)
    return consumer


def await_reconnect(cluster: Cluster) -> None:
    """Wait until a round trip works, after a connection was lost."""
    name = Queue('', auto_delete=True)
    cluster.declare(name).result(PATIENCE)
    cluster.delete_queue(name).result(PATIENCE)
