"""The embedded broker beside RabbitMQ: `python -m bench.brokers`, or `make bench-broker`.

One CoolAMQP publishes with confirms, consumes and acknowledges, in this process. Each broker runs
in a process of its own. The rates depend on both; the CPU time is that of the broker alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from rich.console import Console
from rich.table import Table

from coolamqp.clustering import Cluster
from coolamqp.objects import Message, NodeDefinition, Queue, ReceivedMessage
from tests.support.rabbitmq import RabbitMQNode

COUNT = 200_000
ROUND_TRIPS = 2_000
BODY = b'x' * 100
PREFETCH = 300
TIMEOUT = 300.0  # seconds
_TICKS = os.sysconf('SC_CLK_TCK')


@dataclass(frozen=True)
class Figures:
    """The figures of one broker.

    :ivar rate: messages a second, published with confirms, consumed and acknowledged
    :ivar cpu: CPU time of the broker, in microseconds a message
    :ivar median: time from publish to callback, in milliseconds
    :ivar worst: the same for the 99th percentile
    """

    rate: float
    cpu: float
    median: float
    worst: float


def main() -> int:
    """Measure both brokers, and print a table."""
    parser = argparse.ArgumentParser(prog='python -m bench.brokers', description=__doc__)
    parser.add_argument('--count', type=int, default=COUNT, help='how many messages to send')
    count: int = parser.parse_args().count
    table = Table('broker', 'messages/s', 'CPU us/message', 'latency p50 ms', 'p99 ms')
    for name, running in (('embedded', _embedded), ('RabbitMQ', _rabbitmq)):
        with running() as (url, pids):
            figures = measure(url, pids, count)
        table.add_row(
            name,
            f'{figures.rate:,.0f}',
            f'{figures.cpu:.1f}',
            f'{figures.median:.2f}',
            f'{figures.worst:.2f}',
        )
    Console().print(table)
    return 0


def measure(url: str, pids: list[int], count: int) -> Figures:
    """Measure a broker whose processes are `pids`."""
    with Cluster(NodeDefinition(url)) as cluster:
        rate, cpu = _throughput(cluster, pids, count)
        times = _round_trips(cluster)
    percentiles = quantiles(times, n=100)
    return Figures(rate, cpu, percentiles[49] * 1e3, percentiles[98] * 1e3)


def _throughput(cluster: Cluster, pids: list[int], count: int) -> tuple[float, float]:
    """Return messages a second, and the CPU time of the broker for one in microseconds."""
    queue = Queue('bench-throughput')
    cluster.declare(queue).result(TIMEOUT)
    complete = threading.Event()
    received = 0

    def on_message(message: ReceivedMessage) -> None:
        nonlocal received
        message.ack()
        received += 1
        if received == count:
            complete.set()

    consumer, consuming = cluster.consume(queue, on_message, no_ack=False, qos=PREFETCH)
    consuming.result(TIMEOUT)
    message = Message(BODY)
    started, used = time.perf_counter(), _cpu(pids)
    for _ in range(count):
        cluster.publish(message, routing_key='bench-throughput', confirm=True)
    if not complete.wait(TIMEOUT):
        raise TimeoutError(f'{received} of {count} messages came in {TIMEOUT:.0f} s')
    seconds, cpu = time.perf_counter() - started, _cpu(pids) - used
    consumer.cancel().result(TIMEOUT)
    cluster.delete_queue(queue).result(TIMEOUT)
    return count / seconds, cpu / count * 1e6


def _round_trips(cluster: Cluster) -> list[float]:
    """Return the times from publish to callback of single messages, in seconds."""
    queue = Queue('bench-latency')
    cluster.declare(queue).result(TIMEOUT)
    came = threading.Event()
    consumer, consuming = cluster.consume(queue, lambda _: came.set(), no_ack=True)
    consuming.result(TIMEOUT)
    message, times = Message(BODY), []
    for _ in range(ROUND_TRIPS):
        came.clear()
        started = time.perf_counter()
        cluster.publish(message, routing_key='bench-latency')
        came.wait(TIMEOUT)
        times.append(time.perf_counter() - started)
    consumer.cancel().result(TIMEOUT)
    cluster.delete_queue(queue).result(TIMEOUT)
    return times


def _cpu(pids: list[int]) -> float:
    """Return the CPU time that processes have used, in seconds (proc_pid_stat(5))."""
    total = 0
    for pid in pids:
        fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


@contextmanager
def _embedded() -> Iterator[tuple[str, list[int]]]:
    process = subprocess.Popen(
        [sys.executable, '-m', 'coolamqp.broker', '--port', '0'], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), [process.pid]
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _rabbitmq() -> Iterator[tuple[str, list[int]]]:
    with RabbitMQNode() as node:
        yield node.url(), node.pids


if __name__ == '__main__':
    sys.exit(main())
