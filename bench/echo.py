"""The partner of a round trip, the same for every client: python -m bench.echo TASK.

It answers each message from the ping queue with a message of the same size to the other queue. It
prints `ready`, and runs until the runner or the broker ends it.
"""

from __future__ import annotations

import sys

from bench import raw
from bench.task import Task


def main() -> None:
    """Echo messages. It reads single frames, because a client may add its own properties."""
    task = Task.from_json(sys.argv[1])
    message = raw.publish(task.queue, task.body, task.table)
    with raw.Connection(task.url) as connection:
        connection.consume(task.ping_queue, no_ack=True, prefetch=0)
        print('ready', flush=True)
        received = 0
        while True:
            kind, payload = connection.read_frame()
            received += len(payload) if kind == raw.BODY else 0
            if received == task.size:
                connection.socket.sendall(message)
                received = 0


if __name__ == '__main__':
    main()
