"""The counts of published, confirmed and received messages. Several threads may use them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable


class Tally:
    """The counts of one run.

    :param total: the number of messages to send
    :param on_change: called after each change, on the same thread
    """

    def __init__(self, total: int, on_change: Callable[[Tally], None]) -> None:
        self.total = total
        self.reconnects = 0
        self.complete = threading.Event()
        self._on_change = on_change
        self._lock = threading.Lock()
        self._published: set[str] = set()
        self._confirmed: set[str] = set()
        self._received: Counter[str] = Counter()
        self._corrupted = 0
        self._bytes = 0
        self._started = time.monotonic()

    @property
    def published(self) -> int:
        """The number of published messages."""
        return len(self._published)

    @property
    def confirmed(self) -> int:
        """The number of confirmed messages."""
        return len(self._confirmed)

    @property
    def received(self) -> int:
        """The number of received messages, without duplicates."""
        return len(self._received)

    def enter_published(self, path: str, size: int) -> None:
        """Record that the program publishes a message of `size` bytes."""
        with self._lock:
            self._published.add(path)
            self._bytes += size
        self._changed()

    def enter_confirmed(self, path: str) -> None:
        """Record that the broker has confirmed a message."""
        with self._lock:
            self._confirmed.add(path)
        self._changed()

    def enter_received(self, path: str, intact: bool) -> None:
        """Record a received message; a message that was never published counts as corrupted."""
        with self._lock:
            if intact and path in self._published:
                self._received[path] += 1
            else:
                self._corrupted += 1
        self._changed()

    def _changed(self) -> None:
        if self.total == len(self._confirmed) == len(self._received):
            self.complete.set()
        self._on_change(self)

    @property
    def lost(self) -> int:
        """The number of confirmed messages that were not received."""
        return len(self._confirmed - self._received.keys())

    @property
    def clean(self) -> bool:
        """Whether all messages were published, confirmed and received, and none was corrupted."""
        counts = {self.published, self.confirmed, self.received}
        return counts == {self.total} and not self.lost and not self._corrupted

    def __str__(self) -> str:
        return (
            f'demo: published={self.published} confirmed={self.confirmed} '
            f'received={self.received} lost={self.lost} '
            f'duplicated={self._received.total() - self.received} corrupted={self._corrupted} '
            f'reconnects={self.reconnects} bytes={self._bytes} '
            f'seconds={time.monotonic() - self._started:.1f}'
        )
