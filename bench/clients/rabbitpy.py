"""rabbitpy: objects with internal threads. It waits for each confirm."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import rabbitpy

from bench.measurement import Measurement, Stopwatch, Tally, measured
from bench.task import PREFETCH, Task

ABILITIES: Final = frozenset[str]()


def publish(task: Task) -> Measurement:
    with connect(task) as connection, connection.channel() as channel:
        properties = {'headers': task.table} if task.table else None
        body, queue = task.body, task.queue
        with measured(task) as measurement:
            for _ in range(task.messages):
                rabbitpy.Message(channel, body, properties).publish('', queue)
            rabbitpy.Queue(channel, queue, durable=True).declare(passive=True)
        return measurement


def confirm_each(task: Task) -> Measurement:
    watch = Stopwatch()
    with connect(task) as connection, connection.channel() as channel:
        channel.enable_publisher_confirms()
        with measured(task, watch) as measurement:
            for _ in range(task.messages):
                watch.begin()
                if not rabbitpy.Message(channel, task.body).publish('', task.queue):
                    raise RuntimeError('a message was not confirmed')
                watch.end()
    return measurement


def consume(task: Task, *, no_ack: bool) -> Measurement:
    with connect(task) as connection, connection.channel() as channel:
        queue = rabbitpy.Queue(channel, task.queue, durable=True)
        tally = Tally(task, queue.stop_consuming)
        with measured(task, tally=tally) as measurement:
            for message in queue.consume(no_ack=no_ack, prefetch=PREFETCH):
                if not no_ack:
                    message.ack()
                tally.take(message.body)
            if not no_ack:
                queue.declare(passive=True)
    return measurement


def ping_pong(task: Task) -> Measurement:
    watch = Stopwatch()
    with connect(task) as connection, connection.channel() as channel:
        queue = rabbitpy.Queue(channel, task.queue, durable=True)
        tally = Tally(task, queue.stop_consuming)

        def send() -> None:
            watch.begin()
            rabbitpy.Message(channel, task.body).publish('', task.ping_queue)

        with measured(task, watch, tally) as measurement:
            send()
            for message in queue.consume(no_ack=True):
                watch.end()
                tally.take(message.body)
                if tally.missing:
                    send()
    return measurement


def connect(task: Task) -> Any:
    """Return an open connection, which is a context manager."""
    return rabbitpy.Connection(f'{task.url}%2f')


UNABLE: Final = {'confirm': 'waits for each confirm'}
WORKS: Final = {
    'publish': publish,
    'confirm-each': confirm_each,
    'consume': partial(consume, no_ack=True),
    'consume-ack': partial(consume, no_ack=False),
    'ping-pong': ping_pong,
}
