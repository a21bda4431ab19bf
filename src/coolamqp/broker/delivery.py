"""Deliveries: a message in a queue, its consumer, and the interfaces between queues and channels.

A channel uses a queue through `MessageSource`. A queue uses a channel through `ConsumerChannel`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from math import inf

from coolamqp.broker.arguments import NamedArguments
from coolamqp.broker.message import BrokerMessage


class Entry:
    """A message in one queue.

    :param position: the position in the queue, to which a requeued message returns
    :ivar redelivered: whether the message was delivered before
    :ivar deliveries: the number of times that the message was requeued after a delivery
    :ivar expires_at: the time at which the message expires, on the clock of the broker
    :ivar consumer: the consumer with the unacknowledged message; None after basic.get
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
    """The interface of a queue for channels."""

    name: bytes

    @abstractmethod
    def properties_of(self, entry: Entry) -> bytes:
        """Return the encoded properties for the delivery of a message."""

    @abstractmethod
    def acked(self, entry: Entry) -> None:
        """Remove an acknowledged message."""

    @abstractmethod
    def rejected(self, entry: Entry) -> None:
        """Dead-letter or drop a rejected message."""

    @abstractmethod
    def requeue(self, entries: Iterable[Entry]) -> None:
        """Return messages to their old positions, and deliver them again."""

    @abstractmethod
    def remove_consumer(self, consumer: Consumer) -> None:
        """Remove a consumer; delete an auto-delete queue without consumers."""

    @abstractmethod
    def resume(self, consumer: Consumer) -> None:
        """Deliver to a consumer that can receive messages again."""


class ConsumerChannel(ABC):
    """The interface of a channel for queues.

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
        """Remove a consumer whose queue is deleted, and send basic.cancel to the client."""


class Consumer:
    """A consumer of one queue.

    :param prefetch: the largest number of unacknowledged messages; 0 for no limit
    :ivar unacked: the number of unacknowledged messages
    :ivar waits: whether the consumer could not receive the last message; `resume` ends this
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
        """Whether the consumer can receive one more message now."""
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
