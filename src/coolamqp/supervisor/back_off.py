"""The back-off: a random pause below a growing ceiling, before each round of tries to connect.

The ceiling is a tenth of the time since the start of the outage. So CoolAMQP finds a broker that
restarts in ten seconds within one more second, and tries a broker that is down for hours at least
every half minute. The pause is a random part of the ceiling (full jitter), so that a thousand
clients of one broker do not reconnect at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

CEILING_SECONDS_MIN: Final = 0.1
CEILING_SECONDS_MAX: Final = 30.0
# The ceiling, as a fraction of the duration of the outage.
OUTAGE_FRACTION: Final = 0.1


class BackOff:
    """The choice of the pauses.

    :param random: returns numbers from 0 to 1
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._since: float | None = None

    def reset(self) -> None:
        """Record the end of the outage."""
        self._since = None

    def next_delay(self, now: float) -> float:
        """Return the pause before the next round, in seconds."""
        if self._since is None:
            self._since = now
        ceiling = (now - self._since) * OUTAGE_FRACTION
        return self._random() * min(max(ceiling, CEILING_SECONDS_MIN), CEILING_SECONDS_MAX)
