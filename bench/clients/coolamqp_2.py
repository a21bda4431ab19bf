"""CoolAMQP 2, the version before this one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from bench.measurement import Measurement, RoundTrips, Stopwatch, Tally, measured
from bench.pipelining import in_window
from bench.publishers import on_threads
from bench.task import PREFETCH, Task
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, MessageProperties, NodeDefinition, Queue

ABILITIES: Final = frozenset({'threads'})
TIMEOUT: Final = 120.0


def publish(task: Task) -> Measurement:
    with connected(task) as cluster:

        def send(messages: int) -> None:
            for _ in range(messages):
                cluster.publish(Message(body, properties), routing_key=queue)

        body, properties, queue = task.body, properties_of(task), task.queue
        with measured(task) as measurement:
            on_threads(task, send)
            cluster.declare(queue_of(task)).result(TIMEOUT)
        return measurement


def confirm(task: Task) -> Measurement:
    body, queue = task.body, task.queue
    with connected(task) as cluster, measured(task) as measurement:
        in_window(task, lambda: cluster.publish(Message(body), routing_key=queue, confirm=True))
    return measurement


def confirm_each(task: Task) -> Measurement:
    watch = Stopwatch()
    with connected(task) as cluster, measured(task, watch) as measurement:
        for _ in range(task.messages):
            watch.begin()
            message = Message(task.body)
            future: Any = cluster.publish(message, routing_key=task.queue, confirm=True)
            future.result(TIMEOUT)
            watch.end()
    return measurement


def consume(task: Task, *, no_ack: bool) -> Measurement:
    done = threading.Event()
    tally = Tally(task, done.set)

    def on_message(message: Any) -> None:
        tally.take(message.body)

    def on_message_to_ack(message: Any) -> None:
        message.ack()
        tally.take(message.body)

    callback = on_message if no_ack else on_message_to_ack
    with connected(task) as cluster, measured(task, tally=tally) as measurement:
        cluster.consume(queue_of(task), callback, no_ack=no_ack, qos=PREFETCH)
        done.wait(TIMEOUT)
        if not no_ack:
            cluster.declare(queue_of(task)).result(TIMEOUT)
    return measurement


def ping_pong(task: Task) -> Measurement:
    done = threading.Event()

    def send() -> None:
        cluster.publish(Message(task.body), routing_key=task.ping_queue)

    trips = RoundTrips(task, send, done.set)
    with connected(task) as cluster:
        _, consuming = cluster.consume(
            queue_of(task), lambda message: trips.end(message.body), no_ack=True
        )
        consuming.result(TIMEOUT)
        with measured(task, trips.watch, trips.tally) as measurement:
            trips.begin()
            done.wait(TIMEOUT)
    return measurement


@contextmanager
def connected(task: Task) -> Iterator[Cluster]:
    """Start a Cluster for a `with` block."""
    host, port, user, password = task.address
    cluster = Cluster([NodeDefinition(host, user, password, '/', port=port)])
    cluster.start(wait=True)
    yield cluster
    cluster.shutdown(wait=True)


def queue_of(task: Task) -> Queue:
    """Return the queue. In CoolAMQP 2 a queue is exclusive by default."""
    return Queue(task.queue, durable=True, exclusive=False, auto_delete=False)


def properties_of(task: Task) -> Any:
    """Return the properties of all messages."""
    return MessageProperties(headers=task.table) if task.table else None


UNABLE: Final = dict[str, str]()
WORKS: Final = {
    'publish': publish,
    'confirm': confirm,
    'confirm-each': confirm_each,
    'consume': partial(consume, no_ack=True),
    'consume-ack': partial(consume, no_ack=False),
    'ping-pong': ping_pong,
}
