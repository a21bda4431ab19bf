"""Kombu on CoolAMQP beside py-amqp: `python -m bench.kombu_transports`.

Each run is a process of its own, and both transports take turns. The CPU time is that of the client
alone, with all of Kombu; the smallest one of the runs counts, since other programs only add to it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tests.support.rabbitmq import RabbitMQNode

TRANSPORTS: Final = ('pyamqp', 'coolamqp')
WORKS: Final = {
    'publish': 'publish, without confirms',
    'confirm': 'publish, one confirm at a time',
    'batch': 'publish, confirms in batches of 1000',
    'consume': 'consume, ack each',
}
COUNT: Final = 10_000
RUNS: Final = 5
TIMEOUT: Final = 300  # seconds
PREFETCH: Final = 100
QUEUE: Final = 'bench'
BODY: Final = {'args': [1, 2], 'kwargs': {'name': 'value'}}
# As many as Celery sends.
HEADERS: Final = {'id': 'x' * 36, 'task': 'tasks.add', 'lang': 'py', 'retries': 0, 'eta': None}


def main() -> int:
    """Measure both transports, and print a table; with `--work`, measure one run."""
    parser = argparse.ArgumentParser(prog='python -m bench.kombu_transports', description=__doc__)
    parser.add_argument('--count', type=int, default=COUNT, help='how many messages to send')
    parser.add_argument('--runs', type=int, default=RUNS, help='how often to measure each work')
    parser.add_argument('--work', nargs=2, metavar=('WORK', 'URL'), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work, url = options.work
        print(json.dumps(measure(work, url, options.count)))
        return 0
    with RabbitMQNode() as node:
        Console().print(compare(node.url(), options.count, options.runs))
    return 0


def compare(url: str, count: int, runs: int) -> Table:
    """Measure both transports in turns, and return the table of their times."""
    table = Table('CPU us/message', *TRANSPORTS, 'ratio')
    for work, title in WORKS.items():
        times: dict[str, list[float]] = {transport: [] for transport in TRANSPORTS}
        for _ in range(runs):
            for transport, found in times.items():
                found.append(_run(work, url.replace('amqp', transport, 1), count))
        best = [min(found) for found in times.values()]
        table.add_row(title, *(f'{each:.1f}' for each in best), f'{best[1] / best[0]:.2f}')
    return table


def _run(work: str, url: str, count: int) -> float:
    command = [sys.executable, '-m', 'bench.kombu_transports', '--work', work, url]
    done = subprocess.run(
        [*command, '--count', str(count)],
        check=True,
        stdout=subprocess.PIPE,
        timeout=TIMEOUT,
    )
    return float(json.loads(done.stdout))


def measure(work: str, url: str, count: int) -> float:
    """Do the work in this process; return its CPU time, in microseconds a message."""
    import kombu  # noqa: PLC0415 - the other processes do without

    import coolamqp.kombu  # noqa: F401, PLC0415 - it makes its connection strings known

    options = {'confirm_publish': work in ('confirm', 'batch')}
    with kombu.Connection(url, transport_options=options) as connection:
        channel = connection.channel()
        queue = kombu.Queue(QUEUE)(channel)
        queue.declare()
        queue.purge()
        producer = kombu.Producer(channel, routing_key=QUEUE)
        if work == 'consume':
            _publish(producer, count)
        began = time.process_time()
        if work == 'consume':
            _consume(connection, queue, count)
        elif work == 'batch':
            with producer.batch():
                _publish(producer, count)
        else:
            _publish(producer, count)
        queue.queue_declare(passive=True)  # The broker has everything.
        seconds = time.process_time() - began
        queue.purge()
    return seconds / count * 1e6


def _publish(producer: Any, count: int) -> None:
    for _ in range(count):
        producer.publish(BODY, headers=HEADERS, correlation_id='x' * 36, reply_to='y' * 36)


def _consume(connection: Any, queue: Any, count: int) -> None:
    import kombu  # noqa: PLC0415 - see above

    received = 0

    def on_message(_body: object, message: Any) -> None:
        nonlocal received
        received += 1
        message.ack()

    with kombu.Consumer(queue.channel, [queue], callbacks=[on_message], prefetch_count=PREFETCH):
        while received < count:
            connection.drain_events(timeout=TIMEOUT)


if __name__ == '__main__':
    sys.exit(main())
