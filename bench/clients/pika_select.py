"""pika, on its select loop: its fastest adapter, with batches as its documentation has them."""

from __future__ import annotations

from typing import Any

import pika
from pika.adapters.select_connection import SelectConnection

from bench.work import BODY, PREFETCH, WINDOW, Measurement, measured

BATCH = 500


def run(work: str, url: str, queue: str, messages: int) -> Measurement:
    """Do one work."""
    session = _Session(work, url, queue, messages)
    with measured(messages) as measurement:
        session.connection.ioloop.start()
    if session.done != messages:
        raise RuntimeError(f'only {session.done} of {messages} messages')
    return measurement


class _Session:
    """One connection with one channel, working until the count is full."""

    def __init__(self, work: str, url: str, queue: str, messages: int) -> None:
        self.work, self.queue, self.messages = work, queue, messages
        self.sent = self.done = 0
        self.channel: Any = None
        self.connection = SelectConnection(
            pika.URLParameters(url),
            on_open_callback=lambda connection: connection.channel(
                on_open_callback=self.on_channel
            ),
            on_close_callback=lambda connection, _: connection.ioloop.stop(),
        )

    def on_channel(self, channel: Any) -> None:
        self.channel = channel
        if self.work == 'publish':
            self.publish_batch()
        elif self.work == 'confirm':
            channel.confirm_delivery(self.on_confirm, callback=lambda _: self.fill_window())
        elif self.work == 'consume':
            channel.basic_consume(self.queue, self.on_message, auto_ack=True)
        else:
            channel.basic_qos(prefetch_count=PREFETCH)
            channel.basic_consume(self.queue, self.on_message_to_ack)

    def publish_batch(self) -> None:
        for _ in range(min(BATCH, self.messages - self.sent)):
            self.channel.basic_publish('', self.queue, BODY)
            self.sent += 1
        if self.sent < self.messages:
            self.connection.ioloop.call_later(0, self.publish_batch)
        else:
            self.done = self.sent
            self.connection.close()

    def fill_window(self) -> None:
        while self.sent < self.messages and self.sent - self.done < WINDOW:
            self.channel.basic_publish('', self.queue, BODY)
            self.sent += 1

    def on_confirm(self, frame: Any) -> None:
        self.done = frame.method.delivery_tag if frame.method.multiple else self.done + 1
        self.fill_window()
        if self.done >= self.messages:
            self.connection.close()

    def on_message(self, _channel: Any, _method: Any, _properties: Any, _body: bytes) -> None:
        self.done += 1
        if self.done == self.messages:
            self.connection.close()

    def on_message_to_ack(self, channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        channel.basic_ack(method.delivery_tag)
        self.on_message(channel, method, _properties, _body)
