"""Heartbeats, both ways (section 4.2.7, https://www.rabbitmq.com/docs/heartbeats).

Each side sends something at least twice an interval. A peer that is silent for more than
`SILENT_INTERVALS_MAX` intervals is gone. While this side does not read, silence means nothing.
"""

from __future__ import annotations

from math import inf
from typing import Final

# In intervals: a peer is declared gone before two have passed, and never before one and a half.
SILENT_INTERVALS_MAX: Final = 1.75
# In intervals: how long this side sends nothing before it sends a heartbeat.
IDLE_INTERVALS_MAX: Final = 0.5


class Heartbeat:
    """The watch over silence on both sides of a connection.

    :param interval: seconds; 0 turns heartbeats off
    :ivar missed: how often the peer was silent for an interval or more, although it must send
    """

    def __init__(self, interval: float, now: float) -> None:
        self.interval = interval
        self.missed = 0
        self._last_sent = now
        self._last_received = now
        self._reading = True

    def received(self, now: float) -> None:
        """Record that bytes came from the peer."""
        if self._reading and 0.0 < self.interval <= now - self._last_received:
            self.missed += 1
        self._last_received = now

    def sent(self, now: float) -> None:
        """Record that bytes went to the peer."""
        self._last_sent = now

    def set_reading(self, reading: bool, now: float) -> None:
        """Record whether this side reads; the time in which it does not is no silence."""
        if reading and not self._reading:
            self._last_received = now
        self._reading = reading

    def send_due(self, now: float) -> bool:
        """Whether it is time to send a heartbeat."""
        return bool(self.interval) and now >= self._next_send()

    def peer_gone(self, now: float) -> bool:
        """Whether the peer has been silent for too long."""
        return bool(self.interval) and self._reading and now >= self._silence_ends()

    def wake_at(self) -> float:
        """Return the time at which `send_due` or `peer_gone` may change; inf for never."""
        if not self.interval:
            return inf
        if not self._reading:
            return self._next_send()
        return min(self._next_send(), self._silence_ends())

    def _next_send(self) -> float:
        return self._last_sent + self.interval * IDLE_INTERVALS_MAX

    def _silence_ends(self) -> float:
        return self._last_received + self.interval * SILENT_INTERVALS_MAX
