"""The measurement of one run, which the process of the client makes."""

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
    """One run: time and CPU time of the work alone, in seconds, and the peak memory."""

    messages: int
    seconds: float = 0.0
    user: float = 0.0
    system: float = 0.0
    peak: int = 0  # bytes; of the whole process, including imports
    start: float = 0.0  # seconds until all consumers had started
    latencies: dict[str, float] = field(default_factory=dict)  # seconds, by quantile

    @property
    def rate(self) -> float:
        """The number of messages in a second."""
        return self.messages / self.seconds

    @property
    def cpu(self) -> float:
        """The CPU time for a message, in microseconds."""
        return (self.user + self.system) / self.messages * 1e6

    @property
    def system_share(self) -> float:
        """The fraction of the CPU time in system calls."""
        return self.system / ((self.user + self.system) or 1.0)


@contextmanager
def measured(
    task: Task, watch: Stopwatch | None = None, tally: Tally | None = None
) -> Iterator[Measurement]:
    """Measure the work in a `with` block; add the latencies of `watch`, and check `tally`."""
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
    """Measure the consumption in a `with` block, by the consumers that `start` starts.

    If a task has many consumers, they start first, and their start has its own time. The runner
    fills the queue after that.
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
    """Return the quantiles of some latencies."""
    ordered = sorted(latencies)
    return {name: ordered[int(share * (len(ordered) - 1))] for name, share in QUANTILES.items()}


def peak_memory() -> int:
    """Return the peak memory of this process, in bytes.

    `ru_maxrss` does not work, because a child inherits it from its parent.
    """
    for line in Path('/proc/self/status').read_text('ascii').splitlines():
        if line.startswith('VmHWM:'):
            return int(line.split()[1]) * 1024
    raise RuntimeError('/proc/self/status has no VmHWM; run the bench on Linux')


class Tally:
    """The count of received messages. It calls `done` after the last one."""

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
        """Whether messages are missing."""
        return self.received < self.messages

    def check(self) -> None:
        """Raise RuntimeError if the number or the size of the messages is wrong."""
        found, expected = (self.received, self.size), (self.messages, self.expected_size)
        if found != expected:
            raise RuntimeError(
                'received {} messages of {} bytes instead of {} of {}'.format(*found, *expected)
            )


class Stopwatch:
    """The latencies of messages, one after the other."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self._begun = 0.0

    def begin(self) -> None:
        """Start a latency."""
        self._begun = time.perf_counter()

    def end(self) -> None:
        """Record the latency."""
        self.latencies.append(time.perf_counter() - self._begun)


class RoundTrips:
    """Round trips, each of which starts after the end of the one before.

    :param send: sends one message
    :param done: called after the last round trip
    """

    def __init__(self, task: Task, send: Callable[[], object], done: Callable[[], object]) -> None:
        self.watch = Stopwatch()
        self.tally = Tally(task, done)
        self._send = send

    def begin(self) -> None:
        """Start a round trip."""
        self.watch.begin()
        self._send()

    def end(self, body: Any) -> None:
        """End a round trip with the received body, and start the next."""
        self.watch.end()
        self.tally.take(body)
        if self.tally.missing:
            self.begin()
