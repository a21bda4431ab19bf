"""Classic queues and quorum queues: publishing, delivery, settlement, expiry and length limits.

One class is both, because a client of one node observes few differences:
https://www.rabbitmq.com/docs/quorum-queues#feature-comparison.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any, Final

from coolamqp.broker.base_queue import BaseQueue, QueueDefinition, QueueHost
from coolamqp.broker.dead_letters import DELIVERY_LIMIT, EXPIRED, MAXLEN, REJECTED, Reason
from coolamqp.broker.delivery import Consumer, Entry
from coolamqp.broker.message import NO_MESSAGE, BrokerMessage
from coolamqp.broker.queue_options import (
    DROP_HEAD,
    QUORUM,
    REJECT_PUBLISH_DLX,
    UNLIMITED,
)
from coolamqp.broker.ready import ReadyMessages
from coolamqp.timers import Timer

_MILLISECOND: Final = 0.001
# Quorum queues have two priorities; a message with this priority or more has the higher one.
# https://www.rabbitmq.com/docs/quorum-queues#priorities
_HIGH_PRIORITY: Final = 5
DELIVERY_COUNT: Final = b'x-delivery-count'


class Queue(BaseQueue):
    """A classic queue or a quorum queue."""

    def __init__(self, vhost: QueueHost, definition: QueueDefinition) -> None:
        super().__init__(vhost, definition)
        self.ready = ReadyMessages()
        self.unacked: dict[int, Entry] = {}  # by position
        self._position = 0
        self._expiry: Timer | None = None
        self._expiry_at = inf
        self._expiring = False  # whether any message had a time to live
        self._delivering = False

    def apply_policy(self, name: str, definition: Mapping[str, Any]) -> None:
        """Use a policy; an empty definition for none."""
        super().apply_policy(name, definition)
        self._drop_excess()

    @property
    def message_count(self) -> int:
        """The number of ready messages."""
        self._drop_expired()
        return self.ready.count

    def messages(self) -> list[BrokerMessage]:
        """Return the ready messages, in order, without consuming them."""
        self._drop_expired()
        return [entry.message for entry in self.ready]

    # Publishing

    def publish(self, message: BrokerMessage) -> bool:
        """Add a message; return False if the queue refuses it."""
        if self._is_full(message):
            if self.options.overflow == REJECT_PUBLISH_DLX:
                self._dead_letter(message, MAXLEN)
            return False
        self._position += 1
        self.published += 1
        entry = Entry(message, self, self._position)
        self.vhost.memory.hold(message)
        if not self.ready.count:
            consumer = self.consumers.next()
            if consumer is not None:
                self._keep(entry)
                self._deliver(entry, consumer)
                return True
        self._set_expiry(entry)
        self._keep(entry)
        self.ready.append(entry, self._level(message))
        self._drop_excess()
        self._watch_expiry()
        self.deliver()
        return True

    def restore(self, entry: Entry) -> None:
        """Add a message from the store."""
        self._position = max(self._position, entry.position)
        self.vhost.memory.hold(entry.message)
        self._expiring = self._expiring or entry.expires_at != inf
        self.ready.append(entry, self._level(entry.message))
        self._watch_expiry()

    def forget_transient(self) -> None:
        """Drop the messages that a restart does not keep."""
        for entry in self.ready.clear():
            if self._is_kept(entry.message):
                self.ready.append(entry, self._level(entry.message))
            else:
                self._forget(entry)

    def _is_full(self, message: BrokerMessage) -> bool:
        """Whether a message exceeds a length limit of a queue that refuses excess messages."""
        options = self.options
        if options.overflow == DROP_HEAD:
            return False
        ready = self.ready
        return (options.max_length is not None and ready.count + 1 > options.max_length) or (
            options.max_length_bytes is not None
            and ready.size + message.size > options.max_length_bytes
        )

    def _drop_excess(self) -> None:
        """Drop messages from the head until the queue is within its length limits."""
        options, ready = self.options, self.ready
        if options.max_length is None and options.max_length_bytes is None:
            return
        while (options.max_length is not None and ready.count > options.max_length) or (
            options.max_length_bytes is not None and ready.size > options.max_length_bytes
        ):
            entry = ready.pop()
            if entry is None:
                return
            self._drop(entry, MAXLEN)

    def _level(self, message: BrokerMessage) -> int:
        """Return the priority of a message in this queue."""
        if self.kind == QUORUM:
            return int(message.priority >= _HIGH_PRIORITY)
        highest = self.options.max_priority
        return min(message.priority, highest) if highest else 0

    def _is_kept(self, message: BrokerMessage) -> bool:
        """Whether a message survives a restart. In a quorum queue, all messages do."""
        return self.kind == QUORUM or (self.durable and self.owner is None and message.persistent)

    def _keep(self, entry: Entry) -> None:
        if self.durable and self._is_kept(entry.message):
            self.vhost.store_message(entry)

    # Delivery

    def add_consumer(self, consumer: Consumer) -> None:
        """Add a consumer, and deliver what it can take."""
        self.consumers.add(consumer)
        self.used()
        self.deliver()

    def remove_consumer(self, consumer: Consumer) -> None:
        """Remove a consumer; delete an auto-delete queue without consumers."""
        super().remove_consumer(consumer)
        if not self.deleted:
            self.deliver()  # The next single active consumer may take over.

    def resume(self, consumer: Consumer) -> None:
        """Deliver to a consumer that can take messages again."""
        self.consumers.resume(consumer)
        if self.ready.count:
            self.deliver()

    def deliver(self) -> None:
        """Deliver ready messages while consumers can receive them."""
        if self._delivering:
            return  # A dead-lettered message has come back to this queue.
        self._delivering = True
        try:
            while self.ready.count:
                consumer = self.consumers.next()
                if consumer is None:
                    break
                self._drop_expired()
                entry = self.ready.pop()
                if entry is not None:
                    self._deliver(entry, consumer)
        finally:
            self._delivering = False
        self._watch_expiry()

    def _deliver(self, entry: Entry, consumer: Consumer) -> None:
        if consumer.no_ack:
            self._forget(entry)
        else:
            self.unacked[entry.position] = entry
        self.delivered += 1
        consumer.deliver(entry)

    def get(self) -> Entry | None:
        """Remove the next message for a basic.get; None if there is none."""
        self.used()
        self._drop_expired()
        entry = self.ready.pop()
        if entry is not None:
            self.unacked[entry.position] = entry
            entry.consumer = None
            self.delivered += 1
            self._watch_expiry()
        return entry

    def properties_of(self, entry: Entry) -> bytes:
        """Return the encoded properties to deliver a message with.

        A quorum queue adds the number of failed deliveries.
        """
        if self.kind != QUORUM or not entry.deliveries:
            return entry.message.properties
        headers = [item for item in entry.message.headers if item[0] != DELIVERY_COUNT]
        headers.append((DELIVERY_COUNT, (entry.deliveries, 'l')))
        return entry.message.changed(headers=headers).properties

    # Settlement

    def acked(self, entry: Entry) -> None:
        """Forget a message that was acknowledged."""
        if self.unacked.pop(entry.position, None) is not None:
            self._forget(entry)

    def rejected(self, entry: Entry) -> None:
        """Dead-letter or drop a message that a consumer refuses."""
        if self.unacked.pop(entry.position, None) is not None:
            self._drop(entry, REJECTED)

    def requeue(self, entries: Iterable[Entry]) -> None:
        """Return messages to their old places, and deliver them again."""
        if self.deleted:
            return
        for entry in entries:
            if self.unacked.pop(entry.position, None) is None:
                continue
            entry.redelivered = True
            entry.deliveries += 1
            entry.consumer = None
            limit = self.options.delivery_limit
            if limit == UNLIMITED:  # As in RabbitMQ 4.0, it goes to the end.
                self._position += 1
                entry.position = self._position
            if limit is not None and limit != UNLIMITED and entry.deliveries > limit:
                self._drop(entry, DELIVERY_LIMIT)
            else:
                self.ready.insert(entry, self._level(entry.message))
        self._drop_excess()
        self._watch_expiry()
        self.deliver()

    def purge(self) -> int:
        """Drop all ready messages; return their number."""
        self._drop_expired()
        entries = self.ready.clear()
        for entry in entries:
            self._forget(entry)
        return len(entries)

    def close(self) -> None:
        """Drop all messages and stop the timers, because the queue is deleted."""
        super().close()
        self._cancel(self._expiry)
        for entry in (*self.ready.clear(), *self.unacked.values()):
            self.vhost.memory.release(entry.message)
            entry.message = NO_MESSAGE  # A channel may have the entry until it is settled.
        self.unacked.clear()

    # Dropping

    def _drop(self, entry: Entry, reason: Reason) -> None:
        self._forget(entry)
        self._dead_letter(entry.message, reason)

    def _dead_letter(self, message: BrokerMessage, reason: Reason) -> None:
        if self.options.dead_letter_exchange is not None:
            self.vhost.dead_letter(self, message, reason)

    def _forget(self, entry: Entry) -> None:
        self.vhost.memory.release(entry.message)
        if entry.stored:
            self.vhost.drop_message(entry)

    # Expiry

    def _set_expiry(self, entry: Entry) -> None:
        ttl, expiration = self.options.message_ttl, entry.message.expiration
        if expiration is not None:
            ttl = expiration if ttl is None else min(ttl, expiration)
        if ttl is not None:
            self._expiring = True
            entry.expires_at = self.vhost.timers.now + ttl * _MILLISECOND

    def _watch_expiry(self) -> None:
        """Set the timer for the first message at a head that expires."""
        expiry = self.ready.next_expiry() if self._expiring else None
        if expiry is None or expiry == inf or expiry >= self._expiry_at:
            return
        self._cancel(self._expiry)
        self._expiry_at = expiry
        delay = max(expiry - self.vhost.timers.now, 0)
        self._expiry = self.vhost.timers.after(delay, self._on_expiry)

    def _on_expiry(self) -> None:
        self._expiry_at = inf
        self._expiry = None
        self._drop_expired()
        self._watch_expiry()

    def _drop_expired(self) -> None:
        """Drop the messages at the head that have expired."""
        if not self._expiring:
            return
        expired = self.ready.pop_expired(self.vhost.timers.now)
        for entry in expired:
            self._drop(entry, EXPIRED)
        if expired:
            self._watch_expiry()
