"""CoolAMQP, threads."""

from __future__ import annotations

import threading
from typing import Any

from bench.work import BODY, PREFETCH, Measurement, measured
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, NodeDefinition, Queue

TIMEOUT = 120.0


def run(work: str, url: str, queue: str, messages: int) -> Measurement:
    """Do one work."""
    with Cluster(NodeDefinition(url)) as cluster:
        if work == 'publish':
            return _publish(cluster, queue, messages)
        if work == 'confirm':
            return _confirm(cluster, queue, messages)
        return _consume(cluster, queue, messages, no_ack=work == 'consume')


def _publish(cluster: Cluster, queue: str, messages: int) -> Measurement:
    with measured(messages) as measurement:
        for _ in range(messages):
            cluster.publish(Message(BODY), routing_key=queue)
    # Behind a queue.declare everything before has been sent; the runner counts what has come.
    cluster.declare(Queue(queue, durable=True)).result(TIMEOUT)
    return measurement


def _confirm(cluster: Cluster, queue: str, messages: int) -> Measurement:
    with measured(messages) as measurement:
        futures = [
            cluster.publish(Message(BODY), routing_key=queue, confirm=True) for _ in range(messages)
        ]
        for future in futures:
            if future is not None:
                future.result(TIMEOUT)
    return measurement


def _consume(cluster: Cluster, queue: str, messages: int, *, no_ack: bool) -> Measurement:
    received = 0
    done = threading.Event()

    def on_message(message: Any) -> None:
        nonlocal received
        received += 1
        message.ack()
        if received == messages:
            done.set()

    with measured(messages) as measurement:
        cluster.consume(Queue(queue, durable=True), on_message, no_ack=no_ack, qos=PREFETCH)
        if not done.wait(TIMEOUT):
            raise RuntimeError(f'only {received} of {messages} messages came')
    return measurement
