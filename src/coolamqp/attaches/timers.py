"""Calls at later times. The time is an argument: this module reads no clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from math import inf


class Timers:
    """The calls that are due later.

    :ivar now: the time of the last `advance`, in seconds on a monotonic clock
    """

    def __init__(self, now: float) -> None:
        self.now = now
        self._numbers = count()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, delay: float, callback: Callable[[], None]) -> None:
        """Call a function after `delay` seconds."""
        heapq.heappush(self._heap, (self.now + delay, next(self._numbers), callback))

    def advance(self, now: float) -> None:
        """Set the time, and make the calls that are due."""
        self.now = now
        while self._heap and self._heap[0][0] <= now:
            heapq.heappop(self._heap)[2]()

    def clear(self) -> None:
        """Remove all calls."""
        self._heap.clear()

    def wake_at(self) -> float:
        """Return the time of the next call; inf if there is none."""
        return self._heap[0][0] if self._heap else inf
