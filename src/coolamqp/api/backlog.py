"""How far callbacks are behind, and whether to read from the broker in view of that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

# What may wait to be dispatched before we cease to read from the broker.
BACKLOG_MESSAGES: Final = 20_000
BACKLOG_BYTES: Final = 64 * 1024 * 1024
# So many times as much may wait while answers are due that come behind it.
BRIM: Final = 8


class Backlog:
    """Counts the messages that were received and not dispatched yet.

    :ivar paused: whether `should_read` has said no
    """

    def __init__(self) -> None:
        self.messages = 0
        self.bytes = 0
        self.paused = False

    def add(self, messages: int, size: int) -> None:
        """Count messages in, or with negative numbers out."""
        self.messages += messages
        self.bytes += size

    @property
    def full(self) -> bool:
        """Whether no more should be read."""
        return self.messages >= BACKLOG_MESSAGES or self.bytes >= BACKLOG_BYTES

    @property
    def brimming(self) -> bool:
        """Whether nothing at all should be read any more."""
        return self.messages >= BRIM * BACKLOG_MESSAGES or self.bytes >= BRIM * BACKLOG_BYTES

    @property
    def roomy(self) -> bool:
        """Whether reading may begin again."""
        return self.messages <= BACKLOG_MESSAGES // 2 and self.bytes <= BACKLOG_BYTES // 2

    def should_read(self, reading: bool, owes_answers: Callable[[], bool]) -> bool:
        """Whether to read from the broker, given whether we do; not if callbacks do not keep up.

        :param owes_answers: whether somebody may wait for what is still to be read: then we read
            on, up to a higher bound, since it may be a callback that waits
        """
        if reading and not self.full:
            return True
        if not self.brimming and owes_answers():
            return True
        self.paused = True  # Before the last look, so that `release` cannot miss it.
        if self.roomy:
            self.paused = False
        return not self.paused

    def release(self, messages: int, size: int) -> bool:
        """Count messages out; whether reading, which was paused, may begin again."""
        self.add(-messages, -size)
        if not self.paused or not self.roomy:
            return False
        self.paused = False
        return True
