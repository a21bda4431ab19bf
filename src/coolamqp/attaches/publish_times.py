"""Publish times: the age of unconfirmed publications, without a time stamp for each.

In each turn, the engine marks the time and the number of publications so far. So a publication
costs nothing, and its age is right to within the resolution.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

# Publications within this time, in seconds, share a mark.
RESOLUTION: Final = 0.1
# With more marks than this, each mark is for twice the time.
MARKS_MAX: Final = 64


class PublishTimes:
    """The times at which publications were there, by their numbers.

    :param oldest: returns the number of the oldest unconfirmed publication or less; 0 if all are
        confirmed
    """

    def __init__(self, oldest: Callable[[], int]) -> None:
        self._oldest = oldest
        self._resolution = RESOLUTION
        # The present mark: its time, its end, and the highest number.
        self._since = 0.0
        self._until = -inf
        self._last = 0
        # The earlier marks.
        self._numbers: list[int] = []
        self._times: list[float] = []

    def __len__(self) -> int:
        return len(self._numbers)

    def mark(self, number: int, now: float) -> None:
        """Record that the publications up to a number are there."""
        if now < self._until:
            self._last = number
        elif number != self._last:
            self._begin(number, now)

    def age(self, number: int, now: float) -> float:
        """Return the age of a publication, in seconds; 0 if there is no mark for it yet."""
        for marked, time in zip(self._numbers, self._times, strict=True):
            if number <= marked:
                return max(now - time, 0.0)
        return max(now - self._since, 0.0) if number <= self._last else 0.0

    def _begin(self, number: int, now: float) -> None:
        self._numbers.append(self._last)
        self._times.append(self._since)
        self._since, self._last = now, number
        self._forget_confirmed()
        if len(self._numbers) > MARKS_MAX:
            self._thin_out()
        self._until = now + self._resolution

    def _forget_confirmed(self) -> None:
        oldest = self._oldest() or self._last
        count = 0
        while count < len(self._numbers) and self._numbers[count] < oldest:
            count += 1
        del self._numbers[:count], self._times[:count]
        if not self._numbers:
            self._resolution = RESOLUTION

    def _thin_out(self) -> None:
        """Join each two marks. Publications count from the earlier time of the two."""
        self._resolution *= 2
        if len(self._numbers) % 2:
            self._numbers.append(self._numbers[-1])
        self._numbers = self._numbers[1::2]
        self._times = self._times[::2]
