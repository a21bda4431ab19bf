"""pika, blocking: what its documentation begins with."""

from __future__ import annotations

from typing import Any

import pika

from bench.work import BODY, PREFETCH, Measurement, measured


def run(work: str, url: str, queue: str, messages: int) -> Measurement:
    """Do one work; with confirms pika waits for each, so that is not pipelined."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    if work == 'confirm':
        channel.confirm_delivery()
    with measured(messages) as measurement:
        if work in ('publish', 'confirm'):
            for _ in range(messages):
                channel.basic_publish('', queue, BODY)
        else:
            _consume(channel, queue, messages, no_ack=work == 'consume')
    connection.close()
    return measurement


def _consume(channel: Any, queue: str, messages: int, *, no_ack: bool) -> None:
    channel.basic_qos(prefetch_count=PREFETCH)
    deliveries = channel.consume(queue, auto_ack=no_ack)
    for received, (method, _properties, _body) in enumerate(deliveries, start=1):
        if not no_ack:
            channel.basic_ack(method.delivery_tag)
        if received == messages:
            return
