"""CoolAMQP, threads."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any, Final

from bench.measurement import Measurement, RoundTrips, Stopwatch, Tally, consumption, measured
from bench.publishers import on_threads
from bench.task import PREFETCH, WINDOW, Task
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, NodeDefinition, Queue

ABILITIES: Final = frozenset({'threads', 'consumers'})
TIMEOUT: Final = 120.0


def publish(task: Task) -> Measurement:
    with connected(task) as cluster:

        def send(messages: int) -> None:
            for _ in range(messages):
                cluster.publish(Message(body, properties), routing_key=queue)

        body, properties, queue = task.body, properties_of(task), task.queue
        with measured(task) as measurement:
            on_threads(task, send)
            flush(cluster, task)
        return measurement


def confirm(task: Task) -> Measurement:
    with connected(task, max_unconfirmed=WINDOW) as cluster:

        def send(messages: int) -> None:
            futures = [
                cluster.publish(Message(body, properties), routing_key=queue, confirm=True)
                for _ in range(messages)
            ]
            for future in futures:
                future.result(TIMEOUT)

        body, properties, queue = task.body, properties_of(task), task.queue
        with measured(task) as measurement:
            on_threads(task, send)
        return measurement


def confirm_each(task: Task) -> Measurement:
    watch = Stopwatch()
    with connected(task) as cluster, measured(task, watch) as measurement:
        for _ in range(task.messages):
            watch.begin()
            message = Message(task.body)
            future = cluster.publish(message, routing_key=task.queue, confirm=True)
            future.result(TIMEOUT)
            watch.end()
    return measurement


def consume(task: Task, *, no_ack: bool = True, **options: Any) -> Measurement:
    done = threading.Event()
    tally = Tally(task, done.set)
    take = tally.take

    def on_message(message: Any) -> None:
        take(message.body)

    def on_message_to_ack(message: Any) -> None:
        take(message.body)
        message.ack()

    def start() -> None:
        queue = Queue(task.queue, durable=True)
        begun = [cluster.consume(queue, callback, **options) for _ in range(task.consumers)]
        for _, future in begun:
            future.result(TIMEOUT)

    options.update(no_ack=no_ack, prefetch=None if no_ack else PREFETCH)
    callback = on_message if no_ack else on_message_to_ack
    with connected(task) as cluster, consumption(task, tally, start) as measurement:
        done.wait(TIMEOUT)
        if not no_ack:
            flush(cluster, task)
    return measurement


def ping_pong(task: Task, **options: Any) -> Measurement:
    done = threading.Event()
    body, ping_queue = task.body, task.ping_queue

    def send() -> None:
        cluster.publish(Message(body), routing_key=ping_queue)

    trips = RoundTrips(task, send, done.set)
    with connected(task) as cluster:
        queue = Queue(task.queue, durable=True)
        _, consuming = cluster.consume(
            queue, lambda message: trips.end(message.body), no_ack=True, **options
        )
        consuming.result(TIMEOUT)
        with measured(task, trips.watch, trips.tally) as measurement:
            trips.begin()
            done.wait(TIMEOUT)
    return measurement


def connected(task: Task, **options: Any) -> Cluster:
    """Return a Cluster, which `with` starts."""
    return Cluster(NodeDefinition(task.url), **options)


def flush(cluster: Cluster, task: Task) -> None:
    """Wait for an answer of the broker, which comes after all messages."""
    cluster.declare(Queue(task.queue, durable=True), passive=True).result(TIMEOUT)


def properties_of(task: Task) -> Any:
    """Return the properties of all messages."""
    return Message.Properties(headers=task.table) if task.table else None


UNABLE: Final = dict[str, str]()
WORKS: Final = {
    'publish': publish,
    'confirm': confirm,
    'confirm-each': confirm_each,
    'consume': consume,
    'consume-ack': partial(consume, no_ack=False),
    'ping-pong': ping_pong,
}
