"""py-amqp, the client of Celery. It waits for each confirm."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import amqp

from bench.measurement import Measurement, Stopwatch, Tally, consumption, measured
from bench.task import PREFETCH, Task

ABILITIES: Final = frozenset({'consumers'})


def publish(task: Task) -> Measurement:
    with connect(task) as connection:
        channel = connection.channel()
        properties = {'application_headers': task.table} if task.table else {}
        body, queue = task.body, task.queue
        with measured(task) as measurement:
            for _ in range(task.messages):
                message = amqp.Message(body, **properties)
                channel.basic_publish(message, exchange='', routing_key=queue)
            channel.queue_declare(queue, passive=True)
        return measurement


def confirm_each(task: Task) -> Measurement:
    watch = Stopwatch()
    with connect(task, confirm_publish=True) as connection:
        channel = connection.channel()
        with measured(task, watch) as measurement:
            for _ in range(task.messages):
                watch.begin()
                message = amqp.Message(task.body)
                channel.basic_publish(message, exchange='', routing_key=task.queue)
                watch.end()
    return measurement


def consume(task: Task, *, no_ack: bool) -> Measurement:
    tally = Tally(task, lambda: None)

    def on_message(message: Any) -> None:
        tally.take(message.body)

    def on_message_to_ack(message: Any) -> None:
        tally.take(message.body)
        channel.basic_ack(message.delivery_tag)

    def start() -> None:
        for _ in range(task.consumers):
            channel.basic_consume(task.queue, no_ack=no_ack, callback=callback)

    callback = on_message if no_ack else on_message_to_ack
    with connect(task) as connection:
        channel = connection.channel()
        channel.basic_qos(0, PREFETCH, a_global=False)
        with consumption(task, tally, start) as measurement:
            while tally.missing:
                connection.drain_events()
            if not no_ack:
                channel.queue_declare(task.queue, passive=True)
    return measurement


def ping_pong(task: Task) -> Measurement:
    watch = Stopwatch()
    tally = Tally(task, lambda: None)

    def on_message(message: Any) -> None:
        watch.end()
        tally.take(message.body)

    with connect(task) as connection:
        channel = connection.channel()
        channel.basic_consume(task.queue, no_ack=True, callback=on_message)
        with measured(task, watch, tally) as measurement:
            for sent in range(1, task.messages + 1):
                watch.begin()
                message = amqp.Message(task.body)
                channel.basic_publish(message, exchange='', routing_key=task.ping_queue)
                while tally.received < sent:
                    connection.drain_events()
    return measurement


def connect(task: Task, **options: Any) -> Any:
    """Return a connection, which `with` opens."""
    host, port, user, password = task.address
    return amqp.Connection(f'{host}:{port}', user, password, **options)


UNABLE: Final = {'confirm': 'waits for each confirm'}
WORKS: Final = {
    'publish': publish,
    'confirm-each': confirm_each,
    'consume': partial(consume, no_ack=True),
    'consume-ack': partial(consume, no_ack=False),
    'ping-pong': ping_pong,
}
