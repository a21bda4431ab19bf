"""Who drives the engine: the I/O thread, or a dispatcher thread between its callbacks.

As long as callbacks are quick, a message costs least if the thread that has read it runs its
callback too: nobody is woken, and what the callback lets go of was allocated by the same thread. So
the I/O thread lends the helm to the dispatcher thread, and stands by. It takes the helm back when
a callback is not quick, or is about to wait for the broker, and keeps it for a while.
"""

from __future__ import annotations

import threading
import time
from typing import Final

from coolamqp.clustering.condition import Condition

# Who runs callbacks for longer than once to twice this long, in seconds, loses the helm.
PATIENCE: Final = 0.02
# After so many looks at a holder who never left, it is not watched until it leaves.
QUIET: Final = 5
# How long the I/O thread keeps the helm then, in seconds; twice as long each time, up to a bound.
SHORTEST_KEEPING: Final = 1.0
LONGEST_KEEPING: Final = 60.0


class Leadership:
    """The right to drive, between the I/O thread and one dispatcher thread.

    :param lock: that of the engine; held whenever the helm changes hands
    :ivar holder: the dispatcher thread that has it; None while the I/O thread does
    :ivar away: whether the holder runs callbacks, and so nobody drives
    """

    def __init__(self, lock: threading.Lock) -> None:
        self.holder: threading.Thread | None = None
        self.away = False
        self._condition = Condition(lock)
        self._outings = 0  # how often the holder has gone away
        self._quiet = (
            0  # how often it was seen that the holder had not gone away; at QUIET we sleep
        )
        self._kept_until = 0.0
        self._keeping = SHORTEST_KEEPING

    # The I/O thread

    def may_lend(self, now: float) -> bool:
        """Whether callbacks were quick of late."""
        return now >= self._kept_until

    def lend(self, to: threading.Thread) -> None:
        """Give the helm away; the lock must be held, and `stand_by` be called without it."""
        self.holder = to
        self.away = True
        self._quiet = 0

    def stand_by(self) -> None:
        """Wait until the helm is back, be it that its holder was away for too long."""
        with self._condition:
            while self.holder is not None:
                self._watch()

    def _watch(self) -> None:
        outings = self._outings
        if self._condition.wait(PATIENCE if self._quiet < QUIET else None):
            return
        if self._outings != outings:
            self._quiet = 0
        elif self.away:
            self._take_back()
        else:
            self._quiet += 1

    def _take_back(self) -> None:
        now = time.monotonic()
        if now > self._kept_until + 2 * self._keeping:
            self._keeping = SHORTEST_KEEPING  # It went well for long.
        self._kept_until = now + self._keeping
        self._keeping = min(2 * self._keeping, LONGEST_KEEPING)
        self.holder = None
        self.away = False

    # The holder

    def resume(self) -> bool:
        """Come back from callbacks; whether the helm is still ours. The lock must be held."""
        if self.holder is not threading.current_thread():
            return False
        self.away = False
        return True

    def leave(self) -> None:
        """Go to run callbacks; the lock must be held."""
        self.away = True
        self._outings += 1
        if self._quiet >= QUIET:
            self._quiet = 0
            self._condition.notify()

    def give_back(self) -> None:
        """Let the I/O thread drive from now on, if it does not; the lock must be held."""
        if self.holder is threading.current_thread():
            self._take_back()
            self._condition.notify()
