"""The read watermarks: the two sizes of the backlog that stop and restart reading."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

# The high watermark: the engine stops reading at this many messages or bytes.
HIGH_MESSAGES: Final = 20_000
HIGH_BYTES: Final = 64 * 1024 * 1024
# The low watermark, as a fraction of the high one: at this size the engine reads again.
LOW_FRACTION: Final = 0.5
# The factor for the high watermark while an answer is due, since it may come after many messages.
ANSWERS_FACTOR: Final = 8


class ReadWatermarks:
    """The size of the backlog, and the decision whether to read.

    :ivar messages: the number of messages in the backlog
    :ivar bytes: the size of their bodies, in bytes
    :ivar paused: whether the last `should_read` returned False
    """

    def __init__(self) -> None:
        self.messages = 0
        self.bytes = 0
        self.paused = False

    def add(self, messages: int, size: int) -> None:
        """Add messages to the count.

        :param size: the size of their bodies, in bytes
        """
        self.messages += messages
        self.bytes += size

    def release(self, messages: int, size: int) -> bool:
        """Remove messages from the count.

        :param size: the size of their bodies, in bytes
        :returns: whether the engine may read again after a pause
        """
        self.messages -= messages
        self.bytes -= size
        if not self.paused or not self._is_low():
            return False
        self.paused = False
        return True

    def should_read(self, reading: bool, owes_answers: Callable[[], bool]) -> bool:
        """Whether to read from the broker.

        :param reading: whether the driver reads at this moment
        :param owes_answers: returns whether a program may wait for an answer of the broker. The
            high watermark is then higher, because a callback may wait for that answer
        """
        if reading and not self._is_over(1):
            return True
        if not self._is_over(ANSWERS_FACTOR) and owes_answers():
            return True
        # It is set before the last check, because `release` may run on another thread meanwhile.
        self.paused = True
        if self._is_low():
            self.paused = False
        return not self.paused

    def _is_over(self, factor: int) -> bool:
        return self.messages >= factor * HIGH_MESSAGES or self.bytes >= factor * HIGH_BYTES

    def _is_low(self) -> bool:
        return (
            self.messages <= LOW_FRACTION * HIGH_MESSAGES
            and self.bytes <= LOW_FRACTION * HIGH_BYTES
        )
