"""pika, with its select loop, which is its fastest, and batches as in its documentation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pika
from pika.adapters.select_connection import SelectConnection

from bench.clients.pika_blocking import properties_of
from bench.measurement import Measurement, RoundTrips, Stopwatch, Tally, consumption, measured
from bench.task import PREFETCH, WINDOW, Task

ABILITIES: Final = frozenset({'consumers'})
# The number of messages that are published before the loop may send them.
BATCH: Final = 500


class Session:
    """A connection with a channel. It calls `begin` when the channel is open."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.channel: Any = None
        self.sent = 0
        self.arguments = ('', task.queue, task.body, properties_of(task))
        self.connection = SelectConnection(
            pika.URLParameters(task.url),
            on_open_callback=lambda connection: connection.channel(on_open_callback=self.on_open),
            on_open_error_callback=self.fail,
            on_close_callback=lambda connection, _: connection.ioloop.stop(),
        )
        self.loop = self.connection.ioloop
        self.loop.start()

    def on_open(self, channel: Any) -> None:
        """Store the open channel."""
        self.channel = channel
        self.loop.stop()

    def fail(self, _connection: Any, error: Any) -> None:
        """Raise the error of a failed connection."""
        raise error

    def measure(
        self,
        begin: Callable[[], object],
        watch: Stopwatch | None = None,
        tally: Tally | None = None,
    ) -> Measurement:
        """Measure from `begin` until `stop`."""
        with measured(self.task, watch, tally) as measurement:
            begin()
            self.loop.start()
        self.close()
        return measurement

    def close(self) -> None:
        """Close the connection, and wait for the end."""
        self.connection.close()
        self.loop.start()

    def stop(self, *_: object) -> None:
        """End the measurement."""
        self.loop.stop()

    def flush(self) -> None:
        """End the measurement after an answer of the broker."""
        self.channel.queue_declare(self.task.queue, passive=True, callback=self.stop)


def publish(task: Task) -> Measurement:
    session = Session(task)
    send, arguments = session.channel.basic_publish, session.arguments

    def publish_batch() -> None:
        batch = min(BATCH, task.messages - session.sent)
        for _ in range(batch):
            send(*arguments)
        session.sent += batch
        if session.sent < task.messages:
            session.loop.call_later(0, publish_batch)
        else:
            session.flush()

    return session.measure(publish_batch)


def confirm(task: Task) -> Measurement:
    session = Session(task)
    confirmed = 0

    def fill_window(*_: object) -> None:
        while session.sent < task.messages and session.sent - confirmed < WINDOW:
            session.channel.basic_publish(*session.arguments)
            session.sent += 1

    def on_confirm(frame: Any) -> None:
        nonlocal confirmed
        confirmed = frame.method.delivery_tag if frame.method.multiple else confirmed + 1
        if confirmed == task.messages:
            session.stop()
        else:
            fill_window()

    session.channel.confirm_delivery(on_confirm, callback=session.stop)
    session.loop.start()
    return session.measure(fill_window)


def confirm_each(task: Task) -> Measurement:
    session = Session(task)
    watch = Stopwatch()

    def send() -> None:
        watch.begin()
        session.channel.basic_publish(*session.arguments)

    def on_confirm(_: Any) -> None:
        watch.end()
        if len(watch.latencies) == task.messages:
            session.stop()
        else:
            send()

    session.channel.confirm_delivery(on_confirm, callback=session.stop)
    session.loop.start()
    return session.measure(send, watch)


def consume(task: Task, *, no_ack: bool) -> Measurement:
    session = Session(task)
    tally = Tally(task, session.stop if no_ack else session.flush)
    left = task.consumers

    def on_message(_channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
        tally.take(body)

    def on_message_to_ack(channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        channel.basic_ack(method.delivery_tag)
        tally.take(body)

    def start() -> None:
        for _ in range(task.consumers):
            session.channel.basic_consume(
                task.queue, callback, auto_ack=no_ack, callback=on_consuming
            )
        if task.starts_first:
            session.loop.start()

    def on_consuming(_: object) -> None:
        nonlocal left
        left -= 1
        if task.starts_first and not left:
            session.stop()

    callback = on_message if no_ack else on_message_to_ack
    session.channel.basic_qos(prefetch_count=PREFETCH)
    with consumption(task, tally, start) as measurement:
        session.loop.start()
    session.close()
    return measurement


def ping_pong(task: Task) -> Measurement:
    session = Session(task)

    def send() -> None:
        session.channel.basic_publish('', task.ping_queue, task.body)

    def on_message(_channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
        trips.end(body)

    trips = RoundTrips(task, send, session.stop)
    session.channel.basic_consume(task.queue, on_message, auto_ack=True, callback=session.stop)
    session.loop.start()
    return session.measure(trips.begin, trips.watch, trips.tally)


UNABLE: Final = dict[str, str]()
WORKS: Final = {
    'publish': publish,
    'confirm': confirm,
    'confirm-each': confirm_each,
    'consume': partial(consume, no_ack=True),
    'consume-ack': partial(consume, no_ack=False),
    'ping-pong': ping_pong,
}
