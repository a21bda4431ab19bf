"""amqpstorm: threads with a channel each. It waits for each confirm."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import amqpstorm

from bench.measurement import Measurement, RoundTrips, Stopwatch, Tally, measured
from bench.publishers import on_threads
from bench.task import PREFETCH, Task

ABILITIES: Final = frozenset({'threads'})


def publish(task: Task) -> Measurement:
    with connect(task) as connection:
        properties = {'headers': task.table} if task.table else None
        body, queue = task.body, task.queue

        def send(messages: int) -> None:
            with connection.channel() as channel:
                for _ in range(messages):
                    channel.basic.publish(body, queue, properties=properties)
                channel.queue.declare(queue, passive=True)

        with measured(task) as measurement:
            on_threads(task, send)
        return measurement


def confirm_each(task: Task) -> Measurement:
    watch = Stopwatch()
    with connect(task) as connection, connection.channel() as channel:
        channel.confirm_deliveries()
        with measured(task, watch) as measurement:
            for _ in range(task.messages):
                watch.begin()
                channel.basic.publish(task.body, task.queue)
                watch.end()
    return measurement


def consume(task: Task, *, no_ack: bool) -> Measurement:
    with connect(task) as connection, connection.channel() as channel:
        tally = Tally(task, channel.stop_consuming)

        def on_message(message: Any) -> None:
            tally.take(message.body)

        def on_message_to_ack(message: Any) -> None:
            message.ack()
            tally.take(message.body)

        channel.basic.qos(PREFETCH)
        callback = on_message if no_ack else on_message_to_ack
        with measured(task, tally=tally) as measurement:
            channel.basic.consume(callback, task.queue, no_ack=no_ack)
            channel.start_consuming(auto_decode=False)
            if not no_ack:
                channel.queue.declare(task.queue, passive=True)
    return measurement


def ping_pong(task: Task) -> Measurement:
    with connect(task) as connection, connection.channel() as channel:

        def send() -> None:
            channel.basic.publish(task.body, task.ping_queue)

        trips = RoundTrips(task, send, channel.stop_consuming)
        channel.basic.consume(lambda message: trips.end(message.body), task.queue, no_ack=True)
        with measured(task, trips.watch, trips.tally) as measurement:
            trips.begin()
            channel.start_consuming(auto_decode=False)
    return measurement


def connect(task: Task) -> Any:
    """Return an open connection, which is a context manager."""
    host, port, user, password = task.address
    return amqpstorm.Connection(host, user, password, port=port)


UNABLE: Final = {'confirm': 'waits for each confirm'}
WORKS: Final = {
    'publish': publish,
    'confirm-each': confirm_each,
    'consume': partial(consume, no_ack=True),
    'consume-ack': partial(consume, no_ack=False),
    'ping-pong': ping_pong,
}
