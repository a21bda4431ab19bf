"""The kinds of queues (RabbitMQ: queue types), and their classes."""

from __future__ import annotations

from typing import Final

from coolamqp.broker.base_queue import BaseQueue, QueueDefinition, QueueHost
from coolamqp.broker.queue import Queue
from coolamqp.broker.queue_options import CLASSIC, QUORUM, STREAM
from coolamqp.broker.stream import Stream

_CLASSES: Final[dict[str, type[BaseQueue]]] = {CLASSIC: Queue, QUORUM: Queue, STREAM: Stream}


def make_queue(vhost: QueueHost, definition: QueueDefinition) -> BaseQueue:
    """Make a queue or a stream, as its kind says."""
    return _CLASSES[definition.kind](vhost, definition)
