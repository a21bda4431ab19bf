"""An estimate of the memory that messages use, for the memory alarm.

https://www.rabbitmq.com/docs/memory
"""

from __future__ import annotations

from typing import Final

from coolamqp.broker.message import BrokerMessage

# The memory of a message besides its body and properties, and of its entry in a queue, in bytes.
MESSAGE_BYTES: Final = 500
ENTRY_BYTES: Final = 300
# The alarm ends when less than this share of the limit is used.
_RELIEF: Final = 0.8


class Memory:
    """An estimate of the memory that messages use.

    A message counts once, however many queues it is in.

    :param limit: the limit, in bytes
    :ivar used: the estimate, in bytes
    :ivar short: whether the estimate has exceeded the limit, and not fallen below 80 % of it since
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.short = False

    def hold(self, message: BrokerMessage) -> None:
        """Count a message in one more queue or transaction."""
        if not message.holders:
            self.used += MESSAGE_BYTES + len(message.body) + len(message.properties)
        message.holders += 1
        self.used += ENTRY_BYTES
        if self.used > self.limit:
            self.short = True

    def release(self, message: BrokerMessage) -> None:
        """Count a message in one queue or transaction less."""
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
        """Subtract bytes that are free again."""
        self.used -= count
        if self.short and self.used < self.limit * _RELIEF:
            self.short = False
