"""The messages that clients published last, for tests."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from coolamqp.broker.message import BrokerMessage

# The most messages to keep, and the most bytes of their bodies and properties.
MESSAGES_MAX: Final = 10_000
BYTES_MAX: Final = 64 * 1024 * 1024


class Published:
    """The messages that clients published last, within bounds; the oldest first."""

    def __init__(self) -> None:
        self._messages: deque[BrokerMessage] = deque()
        self._size = 0

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[BrokerMessage]:
        return iter(self._messages)

    def __reversed__(self) -> Iterator[BrokerMessage]:
        return reversed(self._messages)

    def add(self, message: BrokerMessage) -> None:
        """Add a message, and remove the oldest ones beyond the limits."""
        messages = self._messages
        messages.append(message)
        self._size += len(message.body) + len(message.properties)
        while len(messages) > 1 and (len(messages) > MESSAGES_MAX or self._size > BYTES_MAX):
            oldest = messages.popleft()
            self._size -= len(oldest.body) + len(oldest.properties)
