"""Signs of life, both ways (section 4.2.7, https://www.rabbitmq.com/docs/heartbeats).

Something is sent at least twice an interval. Silence of the peer for longer than `PATIENCE`
intervals means that it is gone; while we ourselves do not read, silence says nothing.
"""

from __future__ import annotations

from math import inf
from typing import Final

# A peer is noticed as gone before two intervals have passed, and never before one and a half.
PATIENCE: Final = 1.75


class Heartbeat:
    """Watches over the silence on both sides of a connection.

    :param interval: seconds; 0 turns everything off
    """

    def __init__(self, interval: float, now: float) -> None:
        self.interval = interval
        self._last_sent = now
        self._last_received = now
        self._reading = True

    def received(self, now: float) -> None:
        """Note that something came from the peer."""
        self._last_received = now

    def sent(self, now: float) -> None:
        """Note that something went to the peer."""
        self._last_sent = now

    def set_reading(self, reading: bool, now: float) -> None:
        """Note that we stop or begin to read; not reading, we cannot hear the peer."""
        if reading and not self._reading:
            self._last_received = now
        self._reading = reading

    def send_due(self, now: float) -> bool:
        """Whether it is time to send a sign of life."""
        return bool(self.interval) and now >= self._last_sent + self.interval / 2

    def peer_gone(self, now: float) -> bool:
        """Whether the peer has been silent for too long."""
        return (
            bool(self.interval)
            and self._reading
            and now >= self._last_received + self.interval * PATIENCE
        )

    def wake_at(self) -> float:
        """Give the time at which one of the two may be due."""
        if not self.interval:
            return inf
        next_send = self._last_sent + self.interval / 2
        if not self._reading:
            return next_send
        return min(next_send, self._last_received + self.interval * PATIENCE)
