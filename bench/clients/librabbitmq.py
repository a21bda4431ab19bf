"""librabbitmq: a binding of the C library, without confirms."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import librabbitmq

from bench.measurement import Measurement, Stopwatch, Tally, consumption, measured
from bench.task import PREFETCH, Task

ABILITIES: Final = frozenset({'consumers'})


def publish(task: Task) -> Measurement:
    connection, channel = connect(task)
    body, queue, properties = task.body, task.queue, properties_of(task)
    with measured(task) as measurement:
        for _ in range(task.messages):
            channel.basic_publish(body, '', queue, **properties)
        channel.queue_declare(queue, passive=True)
    connection.close()
    return measurement


def consume(task: Task, *, no_ack: bool) -> Measurement:
    connection, channel = connect(task)
    channel.basic_qos(0, PREFETCH)
    tally = Tally(task, lambda: None)

    def on_message(message: Any) -> None:
        tally.take(message.body)

    def on_message_to_ack(message: Any) -> None:
        tally.take(message.body)
        message.ack()

    def start() -> None:
        for _ in range(task.consumers):
            channel.basic_consume(task.queue, no_ack=no_ack, callback=callback)

    callback = on_message if no_ack else on_message_to_ack
    with consumption(task, tally, start) as measurement:
        while tally.missing:
            connection.drain_events()
        if not no_ack:
            channel.queue_declare(task.queue, passive=True)
    connection.close()
    return measurement


def ping_pong(task: Task) -> Measurement:
    connection, channel = connect(task)
    watch = Stopwatch()
    tally = Tally(task, lambda: None)

    def on_message(message: Any) -> None:
        watch.end()
        tally.take(message.body)

    channel.basic_consume(task.queue, no_ack=True, callback=on_message)
    with measured(task, watch, tally) as measurement:
        for sent in range(1, task.messages + 1):
            watch.begin()
            channel.basic_publish(task.body, '', task.ping_queue)
            while tally.received < sent:
                connection.drain_events()
    connection.close()
    return measurement


def connect(task: Task) -> tuple[Any, Any]:
    """Return a connection and a channel."""
    host, port, user, password = task.address
    connection = librabbitmq.Connection(host, user, password, '/', port)
    return connection, connection.channel()


def properties_of(task: Task) -> dict[str, Any]:
    """Return the properties of all messages."""
    return {'headers': task.table} if task.table else {}


UNABLE: Final = dict.fromkeys(('confirm', 'confirm-each'), 'has no confirms')
WORKS: Final = {
    'publish': publish,
    'consume': partial(consume, no_ack=True),
    'consume-ack': partial(consume, no_ack=False),
    'ping-pong': ping_pong,
}
