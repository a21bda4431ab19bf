"""Things to do later, by a clock that is told and never read."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from math import inf


class Timers:
    """Calls that are due at a time.

    :ivar now: the time, as last told by `advance`; seconds on a monotonic clock
    """

    def __init__(self, now: float) -> None:
        self.now = now
        self._numbers = count()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, delay: float, callback: Callable[[], None]) -> None:
        """Have a function called once `delay` seconds have passed."""
        heapq.heappush(self._heap, (self.now + delay, next(self._numbers), callback))

    def advance(self, now: float) -> None:
        """Tell the time, and call what is due."""
        self.now = now
        while self._heap and self._heap[0][0] <= now:
            heapq.heappop(self._heap)[2]()

    def clear(self) -> None:
        """Forget everything that is not due yet."""
        self._heap.clear()

    def wake_at(self) -> float:
        """Give the time of the next call."""
        return self._heap[0][0] if self._heap else inf
