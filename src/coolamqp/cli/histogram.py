"""Latencies, counted in buckets: many of them need no more memory than few."""

from __future__ import annotations

from collections import Counter
from math import ceil, exp, log
from typing import Final

# A bucket is one per cent wider than the one before it.
_WIDTH: Final = log(1.01)
PERCENTILES: Final = (50.0, 90.0, 99.0, 99.9)


class Histogram:
    """Times in seconds. Percentiles are exact to one per cent.

    :ivar longest: the longest of them; 0 if there is none
    """

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.longest = 0.0

    def add(self, seconds: float) -> None:
        """Count a time."""
        self._counts[ceil(log(max(seconds, 1e-9)) / _WIDTH)] += 1
        self.longest = max(self.longest, seconds)

    def merge(self, other: Histogram) -> None:
        """Add the times of another histogram."""
        self._counts += other._counts
        self.longest = max(self.longest, other.longest)

    def __len__(self) -> int:
        return self._counts.total()

    def percentile(self, percent: float) -> float:
        """Return the time that this share of all times does not exceed; 0 if there are none."""
        wanted = ceil(len(self) * percent / 100)
        seen = 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= wanted:
                return min(exp(bucket * _WIDTH), self.longest)
        return 0.0

    def summary(self) -> dict[str, float]:
        """Return the percentiles and the longest time, in milliseconds."""
        found = {f'p{percent:g}': self.percentile(percent) for percent in PERCENTILES}
        return {
            name: round(value * 1000, 3) for name, value in (found | {'max': self.longest}).items()
        }
