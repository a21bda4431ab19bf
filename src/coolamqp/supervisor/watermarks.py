"""The watermarks for reading: whether to read from the broker, given what waits for callbacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

# Reading pauses when so much waits to be run.
HIGH_MESSAGES: Final = 20_000
HIGH_BYTES: Final = 64 * 1024 * 1024
# It resumes when no more than this part of it is left.
LOW_PART: Final = 0.5
# While answers are due that come behind the messages, reading pauses at so many times as much.
ANSWERS_FACTOR: Final = 8


class ReadWatermarks:
    """Counts the messages that were received and have not run, and decides whether to read on.

    :ivar messages: how many messages wait
    :ivar bytes: the size of their bodies
    :ivar paused: whether `should_read` has said no
    """

    def __init__(self) -> None:
        self.messages = 0
        self.bytes = 0
        self.paused = False

    def add(self, messages: int, size: int) -> None:
        """Count messages in."""
        self.messages += messages
        self.bytes += size

    def release(self, messages: int, size: int) -> bool:
        """Count messages out; whether reading, which was paused, may resume."""
        self.messages -= messages
        self.bytes -= size
        if not self.paused or not self._is_low():
            return False
        self.paused = False
        return True

    def should_read(self, reading: bool, owes_answers: Callable[[], bool]) -> bool:
        """Whether to read from the broker.

        :param reading: whether we read at this moment
        :param owes_answers: whether a program may wait for an answer that is still to be read; then
            reading goes on up to a higher mark, since a callback may be what waits
        """
        if reading and not self._is_over(1):
            return True
        if not self._is_over(ANSWERS_FACTOR) and owes_answers():
            return True
        self.paused = True  # Before the last look, so that `release` cannot miss it.
        if self._is_low():
            self.paused = False
        return not self.paused

    def _is_over(self, factor: int) -> bool:
        return self.messages >= factor * HIGH_MESSAGES or self.bytes >= factor * HIGH_BYTES

    def _is_low(self) -> bool:
        return self.messages <= LOW_PART * HIGH_MESSAGES and self.bytes <= LOW_PART * HIGH_BYTES
