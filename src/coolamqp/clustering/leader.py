"""The lead: which thread drives the engine, the I/O thread or a dispatcher thread.

As long as callbacks are quick, a message costs least if the thread that has read it runs its
callback too: no thread is woken, and a callback frees memory that the same thread has allocated. So
the I/O thread makes the dispatcher thread the leader, and waits. It becomes the leader again when a
callback is not quick, or is about to wait for the broker. Then it stays the leader for some time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from coolamqp.clustering.condition import Condition

# A dispatcher thread is not the leader any more after callbacks that take between one and two times
# this long, in seconds.
QUICK_SECONDS: Final = 0.02
# After this many checks without a callback, the I/O thread does not check until the next callback.
QUIET_CHECKS: Final = 5
# How long the I/O thread then stays the leader, in seconds. The time doubles each time.
SHORTEST_KEEPING: Final = 1.0
LONGEST_KEEPING: Final = 60.0


class Leadership:
    """The leader: the I/O thread or one dispatcher thread.

    :param lock: the lock of the engine; it is held at each change of the leader
    :param clock: returns the time, in seconds on a monotonic clock
    :ivar leader: the dispatcher thread that leads; None while the I/O thread does
    :ivar away: whether the leader runs callbacks, so that no thread drives
    """

    def __init__(self, lock: threading.RLock, clock: Callable[[], float] = time.monotonic) -> None:
        self.leader: threading.Thread | None = None
        self.away = False
        self._clock = clock
        self._condition = Condition(lock)
        self._departures = 0  # how often the leader has begun to run callbacks
        self._quiet = 0  # the number of checks without a callback
        self._kept_until = 0.0
        self._keeping = SHORTEST_KEEPING

    # The I/O thread

    def may_lend(self, now: float) -> bool:
        """Whether the latest callbacks were quick."""
        return now >= self._kept_until

    def lend(self, to: threading.Thread) -> None:
        """Make a dispatcher thread the leader; call it with the lock. `stand_by` follows."""
        self.leader = to
        self.away = True
        self._quiet = 0

    def stand_by(self) -> None:
        """Wait until the I/O thread is the leader again."""
        with self._condition:
            while self.leader is not None:
                departures = self._departures
                timeout = QUICK_SECONDS if self._quiet < QUIET_CHECKS else None
                if not self._condition.wait(timeout):
                    self.check(departures)

    def check(self, departures: int) -> None:
        """End the lead of a thread that runs callbacks since the last check. Call it with the lock.

        :param departures: how often it had begun to run callbacks at the last check
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
            self._keeping = SHORTEST_KEEPING  # Callbacks were quick for a long time.
        self._kept_until = now + self._keeping
        self._keeping = min(2 * self._keeping, LONGEST_KEEPING)
        self.leader = None
        self.away = False

    # The leader

    def resume(self) -> bool:
        """Record the end of callbacks; call it with the lock. Return whether this thread leads."""
        if self.leader is not threading.current_thread():
            return False
        self.away = False
        return True

    def leave(self) -> None:
        """Begin to run callbacks. Call it with the lock."""
        self.away = True
        self._departures += 1
        if self._quiet >= QUIET_CHECKS:
            self._quiet = 0
            self._condition.notify()

    def give_back(self) -> None:
        """Make the I/O thread the leader, if this thread is the leader. Call it with the lock."""
        if self.leader is threading.current_thread():
            self._take_back()
            self._condition.notify()
