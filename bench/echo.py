"""The partner of a round trip, the same for every client: python -m bench.echo TASK.

Sends as many bytes as come in the ping queue back to the other one. Says `ready`, and runs until it
is ended, or the broker is.
"""

from __future__ import annotations

import sys

from bench import raw
from bench.task import Task


def main() -> None:
    """Echo. Frames are read one by one, as a client may add properties of its own."""
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
