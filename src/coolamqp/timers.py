"""Calls at later times. The time is an argument: this module reads no clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from math import inf
from typing import Final

# This many cancelled calls may stay in the heap, until they are also more than half of it.
CANCELLED_MAX: Final = 64


class Timer:
    """A call that is due later.

    :ivar callback: the function to call; None if the call was made or cancelled
    """

    __slots__ = ('callback',)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback


class Timers:
    """The calls that are due later.

    :ivar now: the time of the last `advance`, in seconds on a monotonic clock
    """

    def __init__(self, now: float) -> None:
        self.now = now
        self._numbers = count()
        self._heap: list[tuple[float, int, Timer]] = []
        self._cancelled = 0  # timers in the heap

    def __len__(self) -> int:
        return len(self._heap)

    def after(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call a function after `delay` seconds."""
        timer = Timer(callback)
        heapq.heappush(self._heap, (self.now + delay, next(self._numbers), timer))
        return timer

    def cancel(self, timer: Timer) -> None:
        """Cancel a call. Without effect if it was made or cancelled before."""
        if timer.callback is None:
            return
        timer.callback = None
        self._cancelled += 1
        if self._cancelled > CANCELLED_MAX and 2 * self._cancelled > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def advance(self, now: float) -> None:
        """Set the time, and make the calls that are due."""
        self.now = now
        while self._heap and self._heap[0][0] <= now:
            timer = self._pop()
            if timer.callback is not None:
                callback, timer.callback = timer.callback, None
                callback()

    def clear(self) -> None:
        """Remove all calls."""
        self._heap.clear()
        self._cancelled = 0

    def wake_at(self) -> float:
        """Return the time of the next call; inf if there is none."""
        while self._heap and self._heap[0][2].callback is None:
            self._pop()
        return self._heap[0][0] if self._heap else inf

    def _pop(self) -> Timer:
        timer = heapq.heappop(self._heap)[2]
        if timer.callback is None:
            self._cancelled -= 1
        return timer
