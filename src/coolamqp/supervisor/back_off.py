"""How long to wait before the next round of tries: full jitter under a ceiling that grows.

The ceiling is a tenth of the time that the trouble has lasted: a broker that restarts in ten
seconds is found within one, and one that is away for hours is asked every half minute or so. Full
jitter, so that a thousand clients of one broker do not come back as one wave.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

CEILING_MIN: Final = 0.1
CEILING_MAX: Final = 30.0
SHARE_OF_OUTAGE: Final = 0.1


class BackOff:
    """Chooses delays, in seconds.

    :param random: gives numbers from 0 to 1
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._since: float | None = None

    def reset(self) -> None:
        """Note that the trouble is over."""
        self._since = None

    def next_delay(self, now: float) -> float:
        """Choose how long to wait."""
        if self._since is None:
            self._since = now
        ceiling = (now - self._since) * SHARE_OF_OUTAGE
        return self._random() * min(max(ceiling, CEILING_MIN), CEILING_MAX)
