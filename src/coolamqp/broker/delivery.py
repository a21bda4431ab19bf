"""Deliveries: a message in a queue, the consumer that receives it, and what they need.

`MessageSource` is what a channel knows of a queue, `ConsumerChannel` what a queue knows of a
channel.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from math import inf

from coolamqp.broker.arguments import NamedArguments
from coolamqp.broker.message import BrokerMessage


class Entry:
    """A message in one queue.

    :param position: the place in the queue; a requeued message returns to it
    :ivar redelivered: whether the message was delivered before
    :ivar deliveries: how often the message came back unacknowledged
    :ivar expires_at: the time at which the message expires, on the clock of the broker
    :ivar consumer: the consumer that has the message unacknowledged; None for basic.get
    :ivar stored: the number of the message in the store; 0 if it is not stored
    """

    __slots__ = (
        'consumer',
        'deliveries',
        'expires_at',
        'message',
        'position',
        'queue',
        'redelivered',
        'stored',
    )

    def __init__(self, message: BrokerMessage, queue: MessageSource, position: int) -> None:
        self.message = message
        self.queue = queue
        self.position = position
        self.redelivered = False
        self.deliveries = 0
        self.expires_at = inf
        self.consumer: Consumer | None = None
        self.stored = 0


class MessageSource(ABC):
    """A queue, as the channels see it to which it delivers."""

    name: bytes

    @abstractmethod
    def properties_of(self, entry: Entry) -> bytes:
        """Return the encoded properties to deliver a message with."""

    @abstractmethod
    def acked(self, entry: Entry) -> None:
        """Forget a message that was acknowledged."""

    @abstractmethod
    def rejected(self, entry: Entry) -> None:
        """Dead-letter or drop a message that a consumer refuses."""

    @abstractmethod
    def requeue(self, entries: Iterable[Entry]) -> None:
        """Return messages to their old places, and deliver them again."""

    @abstractmethod
    def remove_consumer(self, consumer: Consumer) -> None:
        """Remove a consumer; delete an auto-delete queue without consumers."""

    @abstractmethod
    def resume(self, consumer: Consumer) -> None:
        """Deliver to a consumer that can take messages again."""


class ConsumerChannel(ABC):
    """A channel, as the queues see it from which it consumes.

    :ivar prefetch: the largest number of unacknowledged messages; 0 for no limit
    :ivar unacked_count: the number of unacknowledged messages of its consumers
    """

    prefetch: int
    unacked_count: int

    @property
    @abstractmethod
    def takes_deliveries(self) -> bool:
        """Whether messages can be sent now."""

    @abstractmethod
    def deliver(self, consumer: Consumer, entry: Entry) -> None:
        """Send a message to a consumer."""

    @abstractmethod
    def consumer_cancelled(self, consumer: Consumer) -> None:
        """Tell the client that a consumer has ended, since its queue is gone."""


class Consumer:
    """A consumer of one queue.

    :param prefetch: the largest number of unacknowledged messages; 0 for no limit
    :ivar unacked: the number of unacknowledged messages
    :ivar waits: whether the consumer cannot take a message until something changes
    """

    __slots__ = (
        'arguments', 'channel', 'exclusive', 'no_ack', 'prefetch', 'priority', 'queue', 'tag',
        'unacked', 'waits',
    )  # fmt: skip

    def __init__(
        self,
        channel: ConsumerChannel,
        queue: MessageSource,
        tag: bytes,
        arguments: NamedArguments,
        *,
        no_ack: bool,
        exclusive: bool,
        prefetch: int,
        priority: int,
    ) -> None:
        self.channel = channel
        self.queue = queue
        self.tag = tag
        self.arguments = arguments
        self.no_ack = no_ack
        self.exclusive = exclusive
        self.prefetch = prefetch
        self.priority = priority
        self.unacked = 0
        self.waits = False

    def can_take(self) -> bool:
        """Whether the consumer can take one more message now."""
        channel = self.channel
        if not channel.takes_deliveries:
            return False
        if self.no_ack:
            return True
        if self.prefetch and self.unacked >= self.prefetch:
            return False
        return not channel.prefetch or channel.unacked_count < channel.prefetch

    def deliver(self, entry: Entry) -> None:
        """Send a message to the consumer."""
        entry.consumer = self
        if not self.no_ack:
            self.unacked += 1
        self.channel.deliver(self, entry)
