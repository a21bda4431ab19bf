"""The memory that messages use: an estimate, which raises the memory alarm.

https://www.rabbitmq.com/docs/memory
"""

from __future__ import annotations

from typing import Final

from coolamqp.broker.message import BrokerMessage

# What a message takes besides its body and properties, and for each queue that it is in, in bytes.
MESSAGE_BYTES: Final = 500
ENTRY_BYTES: Final = 300
# The alarm ends when less than this share of the limit is used.
_RELIEF: Final = 0.8


class Memory:
    """An estimate of the memory that messages use.

    A message counts once, however many queues it is in.

    :param limit: bytes of which more are too much
    :ivar used: bytes
    :ivar short: whether too much is used, or was, and there is not much less since
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.short = False

    def hold(self, message: BrokerMessage) -> None:
        """Count a message for one more queue, or for a transaction."""
        if not message.holders:
            self.used += MESSAGE_BYTES + len(message.body) + len(message.properties)
        message.holders += 1
        self.used += ENTRY_BYTES
        if self.used > self.limit:
            self.short = True

    def release(self, message: BrokerMessage) -> None:
        """Count a message for one less."""
        message.holders -= 1
        if message.holders:
            self.drop(ENTRY_BYTES)
        else:
            self.drop(ENTRY_BYTES + MESSAGE_BYTES + len(message.body) + len(message.properties))

    def add(self, count: int) -> None:
        """Count bytes of an incomplete message."""
        self.used += count
        if self.used > self.limit:
            self.short = True

    def drop(self, count: int) -> None:
        """Count bytes no longer."""
        self.used -= count
        if self.short and self.used < self.limit * _RELIEF:
            self.short = False
