"""The partner of a round trip, the same for every client: python -m bench.echo TASK.

Sends what comes in the ping queue back to the other one. Says `ready`, and ends when its input does.
"""

from __future__ import annotations

import select
import sys

from bench import raw
from bench.task import Task


def main() -> None:
    """Echo until the standard input ends. One message is under way at a time."""
    task = Task.from_json(sys.argv[1])
    step = raw.deliver_size(task.ping_queue, task.size, task.table)
    message = raw.publish(task.queue, task.body, task.table)
    with raw.Connection(task.url) as connection:
        connection.consume(task.ping_queue, no_ack=True, prefetch=0)
        print('ready', flush=True)
        received = connection.left_over()
        while sys.stdin not in select.select([connection.socket, sys.stdin], [], [])[0]:
            received += len(connection.receive())
            while received >= step:
                received -= step
                connection.socket.sendall(message)


if __name__ == '__main__':
    main()
