"""The lead: which thread drives the engine, the I/O thread or a dispatcher thread.

As long as callbacks are quick, a message costs least if the thread that has read it runs its
callback too: no thread is woken, and a callback frees memory that the same thread has allocated. So
the I/O thread lends the lead to the dispatcher thread, and stands by. It takes the lead back when a
callback is not quick, or is about to wait for the broker, and keeps it for a while.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from coolamqp.clustering.condition import Condition

# Callbacks that run for once to twice this long lose the lead, in seconds.
QUICK_SECONDS: Final = 0.02
# After this many checks in which the leader ran no callbacks, it is not watched until it does.
QUIET_CHECKS: Final = 5
# How long the I/O thread keeps the lead then, in seconds; twice as long each time, up to a bound.
SHORTEST_KEEPING: Final = 1.0
LONGEST_KEEPING: Final = 60.0


class Leadership:
    """The lead, between the I/O thread and one dispatcher thread.

    :param lock: the lock of the engine; it is held whenever the lead changes hands
    :param clock: returns the time, in seconds on a monotonic clock
    :ivar leader: the dispatcher thread that leads; None while the I/O thread does
    :ivar away: whether the leader runs callbacks, so that no thread drives
    """

    def __init__(self, lock: threading.RLock, clock: Callable[[], float] = time.monotonic) -> None:
        self.leader: threading.Thread | None = None
        self.away = False
        self._clock = clock
        self._condition = Condition(lock)
        self._departures = 0  # how often the leader has gone to run callbacks
        self._quiet = 0  # in how many checks it had not gone; from QUIET_CHECKS on, none is made
        self._kept_until = 0.0
        self._keeping = SHORTEST_KEEPING

    # The I/O thread

    def may_lend(self, now: float) -> bool:
        """Whether callbacks were quick of late."""
        return now >= self._kept_until

    def lend(self, to: threading.Thread) -> None:
        """Lend the lead; the lock is held. `stand_by` follows, without it."""
        self.leader = to
        self.away = True
        self._quiet = 0

    def stand_by(self) -> None:
        """Wait until the lead is back, because the leader gives it back or is away too long."""
        with self._condition:
            while self.leader is not None:
                departures = self._departures
                timeout = QUICK_SECONDS if self._quiet < QUIET_CHECKS else None
                if not self._condition.wait(timeout):
                    self.check(departures)

    def check(self, departures: int) -> None:
        """Take the lead back if the leader has been away since the last check; the lock is held.

        :param departures: how often it had gone at the last check
        """
        if self._departures != departures:
            self._quiet = 0
        elif self.away:
            self._take_back()
        else:
            self._quiet += 1

    def _take_back(self) -> None:
        now = self._clock()
        if now > self._kept_until + 2 * self._keeping:
            self._keeping = SHORTEST_KEEPING  # It went well for long.
        self._kept_until = now + self._keeping
        self._keeping = min(2 * self._keeping, LONGEST_KEEPING)
        self.leader = None
        self.away = False

    # The leader

    def resume(self) -> bool:
        """Come back from callbacks; whether this thread still leads. The lock is held."""
        if self.leader is not threading.current_thread():
            return False
        self.away = False
        return True

    def leave(self) -> None:
        """Go to run callbacks; the lock is held."""
        self.away = True
        self._departures += 1
        if self._quiet >= QUIET_CHECKS:
            self._quiet = 0
            self._condition.notify()

    def give_back(self) -> None:
        """Let the I/O thread lead from now on, if this thread does; the lock is held."""
        if self.leader is threading.current_thread():
            self._take_back()
            self._condition.notify()
