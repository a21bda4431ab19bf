"""pika, with its blocking connection, the first one in its documentation."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import pika

from bench.measurement import Measurement, RoundTrips, Stopwatch, Tally, measured
from bench.task import PREFETCH, Task

ABILITIES: Final = frozenset[str]()


def publish(task: Task) -> Measurement:
    connection, channel = connect(task)
    body, properties = task.body, properties_of(task)
    with measured(task) as measurement:
        for _ in range(task.messages):
            channel.basic_publish('', task.queue, body, properties)
        channel.queue_declare(task.queue, passive=True)
    connection.close()
    return measurement


def confirm_each(task: Task) -> Measurement:
    connection, channel = connect(task)
    channel.confirm_delivery()
    watch = Stopwatch()
    with measured(task, watch) as measurement:
        for _ in range(task.messages):
            watch.begin()
            channel.basic_publish('', task.queue, task.body)  # it waits for the confirm
            watch.end()
    connection.close()
    return measurement


def consume(task: Task, *, no_ack: bool) -> Measurement:
    connection, channel = connect(task)
    channel.basic_qos(prefetch_count=PREFETCH)
    tally = Tally(task, channel.stop_consuming)

    def on_message(_channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        if not no_ack:
            channel.basic_ack(method.delivery_tag)
        tally.take(body)

    with measured(task, tally=tally) as measurement:
        channel.basic_consume(task.queue, on_message, auto_ack=no_ack)
        channel.start_consuming()
        if not no_ack:
            channel.queue_declare(task.queue, passive=True)
    connection.close()
    return measurement


def ping_pong(task: Task) -> Measurement:
    connection, channel = connect(task)

    def send() -> None:
        channel.basic_publish('', task.ping_queue, task.body)

    def on_message(_channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
        trips.end(body)

    trips = RoundTrips(task, send, channel.stop_consuming)
    channel.basic_consume(task.queue, on_message, auto_ack=True)
    with measured(task, trips.watch, trips.tally) as measurement:
        trips.begin()
        channel.start_consuming()
    connection.close()
    return measurement


def connect(task: Task) -> tuple[Any, Any]:
    """Return a connection and a channel."""
    connection = pika.BlockingConnection(pika.URLParameters(task.url))
    return connection, connection.channel()


def properties_of(task: Task) -> Any:
    """Return the properties of all messages."""
    return pika.BasicProperties(headers=task.table) if task.table else None


UNABLE: Final = {'confirm': 'waits for each confirm'}
WORKS: Final = {
    'publish': publish,
    'confirm-each': confirm_each,
    'consume': partial(consume, no_ack=True),
    'consume-ack': partial(consume, no_ack=False),
    'ping-pong': ping_pong,
}
