"""What is measured: the works, and what one run of one of them yields."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Final, Protocol

WORKS: Final = ('publish', 'confirm', 'consume', 'consume and ack')
BODY: Final = b'x' * 100
PREFETCH: Final = 500
# How many messages may be unconfirmed at a time where the adapter has to count them itself.
WINDOW: Final = 1000


@dataclass
class Measurement:
    """One run: wall seconds, and seconds of CPU that the client's process spent."""

    messages: int
    seconds: float = field(default=0.0)
    cpu: float = field(default=0.0)

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def cpu_per_message(self) -> float:
        """Microseconds of CPU a message."""
        return self.cpu / self.messages * 1e6

    def as_dict(self) -> dict[str, float]:
        """Give it as plain values."""
        return asdict(self)


class Client(Protocol):
    """An adapter. The queue exists; it is empty for publishing, full for consuming."""

    def run(self, work: str, url: str, queue: str, messages: int) -> Measurement:
        """Do the work once; raise if any message was lost or miscounted."""


@contextmanager
def measured(messages: int) -> Iterator[Measurement]:
    """Measure what is done inside."""
    measurement = Measurement(messages)
    begun, cpu_begun = time.perf_counter(), _cpu()
    yield measurement
    measurement.seconds = time.perf_counter() - begun
    measurement.cpu = _cpu() - cpu_begun


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
