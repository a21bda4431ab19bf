"""A program that works until SIGTERM, whose handler shuts its Cluster down.

`python -m tests.integration.signalled URL WORK` prints a line once it works, and must end soon
after the signal, wherever that interrupts it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from coolamqp.clustering import Cluster
from coolamqp.exceptions import CoolAMQPError
from coolamqp.objects import Message, NodeDefinition, Queue

QUEUE = Queue('signalled', durable=True)


def publish(cluster: Cluster) -> None:
    """Publish without confirms, as fast as it can."""
    cluster.publish(Message(b'plain'), routing_key='signalled')


def confirm(cluster: Cluster) -> None:
    """Publish, and wait for the confirm."""
    cluster.publish(Message(b'kept'), routing_key='signalled', confirm=True).result()


def confirm_many(cluster: Cluster) -> None:
    """Publish many messages, and wait for their confirms."""
    cluster.publish_many([Message(b'kept')] * 100, routing_key='signalled')
    cluster.wait_for_confirms()


def get(cluster: Cluster) -> None:
    """Fetch a message, or none."""
    cluster.get('signalled').result()


def consume(cluster: Cluster) -> None:
    """Take messages with `drain`; publish one for each."""
    cluster.publish(Message(b'plain'), routing_key='signalled')
    cluster.drain(None)


def iterate(cluster: Cluster) -> None:
    """Iterate over ten messages."""
    with cluster.messages(QUEUE) as messages:
        cluster.publish_many([Message(b'plain')] * 10, routing_key='signalled', confirm=False)
        for _, message in zip(range(10), messages, strict=False):
            message.ack()


WORK: dict[str, Callable[[Cluster], None]] = {
    each.__name__: each for each in (publish, confirm, confirm_many, get, consume, iterate)
}


def main(url: str, work: str) -> None:
    """Work until the signal."""
    cluster = Cluster(NodeDefinition(url))
    stopped: list[int] = []

    def stop(cluster: Cluster, number: int, _frame: Any) -> None:
        stopped.append(number)
        cluster.shutdown()

    cluster.start()
    cluster.declare(QUEUE).result()
    if work == 'consume':
        cluster.consume(QUEUE)[1].result()
    signal.signal(signal.SIGTERM, partial(stop, cluster))
    try:
        for number in count():
            WORK[work](cluster)
            if number == 0:
                print('works', flush=True)  # noqa: T201 - the test waits for it
            if stopped:
                break
    except CoolAMQPError:  # The call was refused, or its consumer cancelled.
        if not stopped:
            raise


if __name__ == '__main__':
    main(*sys.argv[1:])
