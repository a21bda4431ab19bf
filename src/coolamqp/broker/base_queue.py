"""The base class of queues and streams, and their interfaces to connection and virtual host."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from coolamqp.broker.arguments import NamedArguments
from coolamqp.broker.consumers import Consumers
from coolamqp.broker.dead_letters import Reason
from coolamqp.broker.delivery import Consumer, Entry, MessageSource
from coolamqp.broker.memory import Memory
from coolamqp.broker.message import BrokerMessage
from coolamqp.broker.queue_options import (
    STREAM_OFFSET,
    make_options,
    unsupported,
)
from coolamqp.timers import Timer, Timers

_MILLISECOND: Final = 0.001


@dataclass(frozen=True)
class QueueDefinition:
    """The declaration of a queue.

    :param kind: `CLASSIC`, `QUORUM` or `STREAM`
    :param arguments: checked arguments
    :param owner: the connection of an exclusive queue; None for others
    """

    name: bytes
    kind: str
    arguments: NamedArguments
    durable: bool = True
    auto_delete: bool = False
    owner: QueueOwner | None = None


class QueueOwner(ABC):
    """A connection, as its exclusive queues see it."""

    @abstractmethod
    def queue_deleted(self, queue: BaseQueue) -> None:
        """Remove an exclusive queue from the list of the connection."""


class QueueHost(ABC):
    """A virtual host, as its queues see it."""

    timers: Timers
    memory: Memory

    @abstractmethod
    def where(self, kind: str, name: bytes) -> str:
        """Return the description of an exchange or a queue in error messages."""

    @abstractmethod
    def wall_time(self) -> float:
        """Return the time in seconds since 1970."""

    @abstractmethod
    def store_message(self, entry: Entry) -> None:
        """Store a message; set `entry.stored`."""

    @abstractmethod
    def drop_message(self, entry: Entry) -> None:
        """Delete a message from the store."""

    @abstractmethod
    def dead_letter(self, queue: BaseQueue, message: BrokerMessage, reason: Reason) -> None:
        """Publish a message to the dead-letter exchange of its queue."""

    @abstractmethod
    def delete_queue(self, queue: BaseQueue) -> int:
        """Delete a queue, and cancel its consumers; return the number of its ready messages."""


class BaseQueue(MessageSource):
    """A queue of any kind.

    :param arguments: checked arguments
    :param owner: the connection of an exclusive queue; None for others
    :ivar options: the options from its arguments and its policy
    :ivar policy: the name of the policy; empty for none
    :ivar published: counter of the messages that came into the queue
    :ivar delivered: counter of the messages that consumers and basic.get received from it
    """

    def __init__(self, vhost: QueueHost, definition: QueueDefinition) -> None:
        self.vhost = vhost
        self.name = definition.name
        self.kind = definition.kind
        self.arguments = definition.arguments
        self.durable = definition.durable
        self.auto_delete = definition.auto_delete
        self.owner = definition.owner
        self.policy = ''
        self.published = self.delivered = 0
        self.options = make_options(self.arguments, {}, self.kind)
        self.consumers = Consumers(self.options.single_active_consumer)
        self.deleted = False
        self._expires: Timer | None = None

    def apply_policy(self, name: str, definition: Mapping[str, Any]) -> None:
        """Apply a policy; an empty definition removes it."""
        self.policy = name
        self.options = make_options(self.arguments, definition, self.kind)
        self.used()

    @property
    @abstractmethod
    def message_count(self) -> int:
        """The number of ready messages."""

    @abstractmethod
    def messages(self) -> list[BrokerMessage]:
        """Return the ready messages, in order, without consuming them."""

    @abstractmethod
    def publish(self, message: BrokerMessage) -> bool:
        """Add a message; return False if the queue refuses it."""

    @abstractmethod
    def add_consumer(self, consumer: Consumer) -> None:
        """Add a consumer, and deliver messages to it."""

    @abstractmethod
    def get(self) -> Entry | None:
        """Remove the next message for a basic.get; None if there is none."""

    @abstractmethod
    def restore(self, entry: Entry) -> None:
        """Add a message from the store, behind the others."""

    def forget_transient(self) -> None:
        """Drop the messages that do not survive a restart."""

    @abstractmethod
    def purge(self) -> int:
        """Drop all ready messages; return their number."""

    def check_consume(self, no_ack: bool, prefetch: int, arguments: NamedArguments) -> None:
        """Check that a queue of this kind permits a consumer with these options.

        :raises Refusal: the queue does not
        """
        if STREAM_OFFSET in arguments:
            raise unsupported(STREAM_OFFSET, self.vhost.where('queue', self.name), self.kind)

    def properties_of(self, entry: Entry) -> bytes:
        """Return the encoded properties for the delivery of a message."""
        return entry.message.properties

    def remove_consumer(self, consumer: Consumer) -> None:
        """Remove a consumer; delete an auto-delete queue without consumers."""
        self.consumers.remove(consumer)
        self.used()
        if self.auto_delete and not len(self.consumers):
            self.vhost.delete_queue(self)

    def close(self) -> None:
        """Stop all timers and notify the owner, because the queue is deleted."""
        self.deleted = True
        self._cancel(self._expires)
        if self.owner is not None:
            self.owner.queue_deleted(self)

    def used(self) -> None:
        """Restart the timer of `expires`: https://www.rabbitmq.com/docs/ttl#queue-ttl."""
        self._cancel(self._expires)
        self._expires = None
        if self.options.expires is not None and not len(self.consumers) and not self.deleted:
            delay = self.options.expires * _MILLISECOND
            self._expires = self.vhost.timers.after(delay, self._on_unused)

    def _on_unused(self) -> None:
        self.vhost.delete_queue(self)

    def _cancel(self, timer: Timer | None) -> None:
        if timer is not None:
            self.vhost.timers.cancel(timer)
