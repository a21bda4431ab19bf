"""What one run yields, and how the client's own process takes it."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.task import Task

QUANTILES: Final = {'p50': 0.5, 'p99': 0.99, 'p99.9': 0.999}


@dataclass
class Measurement:
    """One run: seconds on the clock and of CPU, taken around the work alone, and peak memory."""

    messages: int
    seconds: float = 0.0
    user: float = 0.0
    system: float = 0.0
    peak: int = 0  # bytes; of the whole process, imports included
    start: float = 0.0  # seconds until all consumers were there
    latencies: dict[str, float] = field(default_factory=dict)  # seconds, by quantile

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def cpu(self) -> float:
        """Microseconds of CPU a message."""
        return (self.user + self.system) / self.messages * 1e6

    @property
    def system_share(self) -> float:
        """The part of the CPU that was spent in system calls."""
        return self.system / ((self.user + self.system) or 1.0)


@contextmanager
def measured(
    task: Task, watch: Stopwatch | None = None, tally: Tally | None = None
) -> Iterator[Measurement]:
    """Measure what is done inside; tell the latencies of the watch, and check the tally."""
    measurement = Measurement(task.messages)
    before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    yield measurement
    measurement.seconds = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_SELF)
    measurement.user = after.ru_utime - before.ru_utime
    measurement.system = after.ru_stime - before.ru_stime
    if watch is not None:
        measurement.latencies = quantiles(watch.latencies)
    if tally is not None:
        tally.check()


@contextmanager
def consumption(task: Task, tally: Tally, start: Callable[[], object]) -> Iterator[Measurement]:
    """Measure what is received inside, by the consumers that `start` starts.

    Many are started beforehand, in a time of its own, and the queue is filled when they are there.
    """
    if not task.starts_first:
        with measured(task, tally=tally) as measurement:
            start()
            yield measurement
        return
    begun = time.perf_counter()
    start()
    seconds = time.perf_counter() - begun
    with measured(task, tally=tally) as measurement:
        print('started', flush=True)
        yield measurement
    measurement.start = seconds


def quantiles(latencies: list[float]) -> dict[str, float]:
    """Pick the quantiles from what was measured."""
    ordered = sorted(latencies)
    return {name: ordered[int(share * (len(ordered) - 1))] for name, share in QUANTILES.items()}


def peak_memory() -> int:
    """Give the most memory that this program had, in bytes.

    Not `ru_maxrss`, which a child takes over from the process that started it.
    """
    for line in Path('/proc/self/status').read_text('ascii').splitlines():
        if line.startswith('VmHWM:'):
            return int(line.split()[1]) * 1024
    raise RuntimeError('this system does not tell VmHWM')


class Tally:
    """Counts what is received, and calls `done` when all is there."""

    def __init__(self, task: Task, done: Callable[[], object]) -> None:
        self.messages = task.messages
        self.expected_size = task.messages * task.size
        self.received = self.size = 0
        self.done = done

    def take(self, body: Any) -> None:
        """Count one message."""
        self.size += len(body)
        self.received += 1
        if self.received == self.messages:
            self.done()

    @property
    def missing(self) -> bool:
        """Whether there is something yet to come."""
        return self.received < self.messages

    def check(self) -> None:
        """Raise if it was not just the messages that should have come."""
        found, expected = (self.received, self.size), (self.messages, self.expected_size)
        if found != expected:
            raise RuntimeError('received {} messages of {} bytes'.format(*found))


class Stopwatch:
    """Takes the time of one message after the other."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self._begun = 0.0

    def begin(self) -> None:
        """Begin one."""
        self._begun = time.perf_counter()

    def end(self) -> None:
        """End it."""
        self.latencies.append(time.perf_counter() - self._begun)


class RoundTrips:
    """Has `send` send one message after the other, each when the one before it is back."""

    def __init__(self, task: Task, send: Callable[[], object], done: Callable[[], object]) -> None:
        self.watch = Stopwatch()
        self.tally = Tally(task, done)
        self._send = send

    def begin(self) -> None:
        """Begin one."""
        self.watch.begin()
        self._send()

    def end(self, body: Any) -> None:
        """End it with what is back, and begin the next."""
        self.watch.end()
        self.tally.take(body)
        if self.tally.missing:
            self.begin()
