"""Measure every client at every work against one RabbitMQ node, interleaved, and print the table.

python -m bench [--messages N] [--runs N] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pika
from rich.console import Console
from rich.table import Table

from bench.work import BODY, WORKS, Measurement
from tests.support.rabbitmq import RabbitMQNode

CLIENTS: Final = ('coolamqp_threads', 'pika_select', 'pika_blocking')
# What waits for each message is measured with fewer of them.
SLOW: Final = {('pika_blocking', 'confirm'): 10}
QUEUE: Final = 'bench'


class Broker:
    """The node, and the queue on it, looked at through pika."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._channel = pika.BlockingConnection(pika.URLParameters(f'{url}?heartbeat=0')).channel()

    def empty(self) -> None:
        """Have an empty queue."""
        self._channel.queue_delete(QUEUE)
        self._channel.queue_declare(QUEUE, durable=True)

    def fill(self, messages: int) -> None:
        """Have a queue with so many messages."""
        self.empty()
        for _ in range(messages):
            self._channel.basic_publish('', QUEUE, BODY)

    def check(self, messages: int) -> None:
        """Raise if the queue has not just so many messages."""
        found = self._channel.queue_declare(QUEUE, passive=True).method.message_count
        if found != messages:
            raise RuntimeError(f'{found} messages in the queue, where {messages} should be')


def measure(broker: Broker, client: str, work: str, messages: int) -> Measurement:
    """Run one client at one work, in a process of its own."""
    messages //= SLOW.get((client, work), 1)
    publishing = work in ('publish', 'confirm')
    if publishing:
        broker.empty()
    else:
        broker.fill(messages)
    command = [sys.executable, '-m', 'bench.child', client, work, broker.url, QUEUE, str(messages)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if result.returncode:
        raise RuntimeError(f'{client} failed at {work}:\n{result.stderr}')
    broker.check(messages if publishing else 0)
    return Measurement(**json.loads(result.stdout))


def main() -> None:
    """Measure, print, and write JSON if asked to."""
    parser = argparse.ArgumentParser(prog='bench', description=__doc__.splitlines()[0])
    parser.add_argument('--messages', type=int, default=30_000)
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--json', type=Path)
    options = parser.parse_args()
    results: dict[tuple[str, str], list[Measurement]] = {}
    with RabbitMQNode() as node:
        broker = Broker(node.url('/'))
        for run in range(options.runs):
            for work in WORKS:
                for client in CLIENTS:
                    print(f'run {run + 1}: {client}, {work}', file=sys.stderr)
                    found = measure(broker, client, work, options.messages)
                    results.setdefault((client, work), []).append(found)
    Console().print(table(results))
    if options.json:
        options.json.write_text(json.dumps(report(results), indent=2))


def table(results: dict[tuple[str, str], list[Measurement]]) -> Table:
    """Draw medians, with least and most, and ratios to pika's select loop."""
    drawn = Table(title=f'100-byte bodies, {platform.python_version()}, {platform.machine()}')
    for heading in ('work', 'client', 'messages/s', 'CPU µs a message', 'of pika select'):
        drawn.add_column(heading)
    for work in WORKS:
        reference = _median_cpu(results['pika_select', work])
        for client in CLIENTS:
            runs = results[client, work]
            cpu = _median_cpu(runs)
            cpus = [run.cpu_per_message for run in runs]
            rate = statistics.median(run.rate for run in runs)
            spread = f'{cpu:.1f}  ({min(cpus):.1f} to {max(cpus):.1f})'
            drawn.add_row(work, client, f'{rate:,.0f}', spread, f'{cpu / reference:.2f}')
    return drawn


def _median_cpu(runs: list[Measurement]) -> float:
    return statistics.median(run.cpu_per_message for run in runs)


def report(results: dict[tuple[str, str], list[Measurement]]) -> dict[str, Any]:
    """Give every run as plain values, with what it ran on."""
    return {
        'python': platform.python_version(),
        'machine': platform.platform(),
        'runs': [
            {'client': client, 'work': work, **run.as_dict()}
            for (client, work), runs in results.items()
            for run in runs
        ],
    }


if __name__ == '__main__':
    main()
