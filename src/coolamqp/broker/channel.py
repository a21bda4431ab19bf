"""A channel: its consumers, its unacknowledged messages, and their settlement."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from coolamqp.broker.delivery import Consumer, ConsumerChannel, Entry, MessageSource
from coolamqp.broker.errors import Refusal
from coolamqp.broker.message import BrokerMessage
from coolamqp.broker.session import Session
from coolamqp.broker.state import ReplyReceiver
from coolamqp.framing.definitions import BasicCancel
from coolamqp.framing.frames import FRAME_OVERHEAD, encode_method
from coolamqp.framing.hot import begin_body, end_frame, write_deliver, write_get_ok, write_header
from coolamqp.framing.method import Method
from coolamqp.reply_codes import NOT_FOUND, PRECONDITION_FAILED

# Messages with their delivery tags; whether they are acknowledged; if not, whether to requeue them.
Settlement: TypeAlias = tuple[list[tuple[int, Entry]], bool, bool]


class Channel(ConsumerChannel, ReplyReceiver):
    """A channel of a connection.

    :ivar prefetch: the largest number of unacknowledged messages on the channel; 0 for no limit
    :ivar consumer_prefetch: the same for each new consumer
    :ivar unacked: the unacknowledged messages by delivery tag, in order
    :ivar at_end: what to call when the channel ends
    :ivar uncommitted: the settlements that wait for tx.commit
    :ivar last_queue: the queue that was declared last; methods with an empty queue name refer to it
    :ivar reply_tag: the tag of the consumer of direct replies; None without one
    :ivar reply_key: the routing key of direct replies
    """

    def __init__(self, session: Session, number: int) -> None:
        self.session = session
        self.number = number
        self.is_open = True
        self.consumers: dict[bytes, Consumer] = {}
        self.unacked: dict[int, Entry] = {}
        self.unacked_count = 0  # of consumers, for prefetch
        self.uncommitted: list[Settlement] = []
        self.at_end: list[Callable[[], None]] = []
        self.prefetch = 0
        self.consumer_prefetch = 0
        self.last_queue = b''
        self.reply_tag: bytes | None = None
        self.reply_key = b''
        self._next_tag = 1
        self._settled_to = 0  # No tag up to this one is unacknowledged.

    @property
    def takes_deliveries(self) -> bool:
        """Whether messages can be sent now."""
        session = self.session
        return self.is_open and not (session.congested or session.ended)

    def send(self, method: Method) -> None:
        """Send a method."""
        self.session.send(encode_method(self.number, method))

    def queue_name(self, name: bytes) -> bytes:
        """Return a queue name. An empty name refers to the last queue declared on the channel.

        See AMQP 0-9-1, domain queue-name.

        :raises Refusal: the name is empty, and the channel has declared no queue
        """
        if name:
            return name
        if not self.last_queue:
            raise Refusal(NOT_FOUND, 'no previously declared queue')
        return self.last_queue

    def terminate(self) -> None:
        """End all consumers, and return unacknowledged messages to their queues."""
        if not self.is_open:
            return
        self.is_open = False
        for call in self.at_end:
            call()
        self.stop_replies()
        consumers = list(self.consumers.values())
        self.consumers.clear()
        for consumer in consumers:
            consumer.queue.remove_consumer(consumer)
        self.undo_settlements()
        entries = list(self.unacked.values())
        self.unacked.clear()
        _requeue(entries)

    # Deliveries

    def deliver(self, consumer: Consumer, entry: Entry) -> None:
        """Send a message to a consumer."""
        tag = self._next_tag
        self._next_tag += 1
        if not consumer.no_ack:
            self.unacked[tag] = entry
            self.unacked_count += 1
        message = entry.message
        write_deliver(
            self.session.writer(),
            self.number,
            consumer.tag,
            tag,
            entry.redelivered,
            message.exchange,
            message.routing_key,
        )
        self.write_content(entry.queue.properties_of(entry), message.body)

    def send_get_ok(self, entry: Entry, no_ack: bool, remaining: int) -> None:
        """Send a message as the answer to a basic.get."""
        tag = self._next_tag
        self._next_tag += 1
        if no_ack:
            entry.queue.acked(entry)
        else:
            self.unacked[tag] = entry
        message = entry.message
        write_get_ok(
            self.session.writer(),
            self.number,
            tag,
            entry.redelivered,
            message.exchange,
            message.routing_key,
            remaining,
        )
        self.write_content(entry.queue.properties_of(entry), message.body)

    def write_content(self, properties: bytes, body: bytes) -> None:
        """Write the header and the body of a content, after its method."""
        session = self.session
        size = len(body)
        write_header(session.writer(), self.number, properties, size)
        largest = session.frame_max - FRAME_OVERHEAD
        if size > largest:
            view = memoryview(body)
            for start in range(0, size, largest):
                piece = view[start : start + largest]
                begin_body(session.writer(), self.number, len(piece))
                session.out.append(piece)
        elif size:
            begin_body(session.writer(), self.number, size)
            session.out.append(body)
        end_frame(session.writer())
        session.check_congestion()

    def deliver_reply(self, message: BrokerMessage) -> None:
        """Send a direct reply to the client, unless it does not read: replies may get lost."""
        if not self.takes_deliveries:
            return
        tag = self._next_tag
        self._next_tag += 1
        write_deliver(
            self.session.writer(),
            self.number,
            self.reply_tag or b'',
            tag,
            False,
            message.exchange,
            message.routing_key,
        )
        self.write_content(message.properties, message.body)

    def stop_replies(self) -> None:
        """End the consumer of direct replies."""
        self.reply_tag = None
        self.session.state.replies.pop(self.reply_key, None)

    def consumer_cancelled(self, consumer: Consumer) -> None:
        """Remove a consumer whose queue is deleted, and send basic.cancel to the client.

        https://www.rabbitmq.com/docs/consumer-cancel
        """
        known = self.consumers.pop(consumer.tag, None) is not None
        if known and self.session.wants_cancel_notices:
            self.send(BasicCancel(consumer.tag, True))

    # Settlements

    def take_unacked(self, tag: int, multiple: bool) -> list[tuple[int, Entry]]:
        """Remove unacknowledged messages, and return them.

        :raises Refusal: the tag is unknown
        """
        unacked = self.unacked
        if not multiple:
            entry = unacked.pop(tag, None)
            if entry is None:
                raise _unknown_tag(tag)
            return [(tag, entry)]
        if tag and tag not in unacked:
            raise _unknown_tag(tag)
        tags = range(self._settled_to + 1, tag + 1) if tag else list(unacked)
        taken = [(each, unacked.pop(each)) for each in tags if each in unacked]
        self._settled_to = tag or self._next_tag - 1
        return taken

    def settle(self, entries: list[Entry], acked: bool, requeue: bool) -> None:
        """Acknowledge, reject or requeue messages that `take_unacked` has returned."""
        consumers = {}
        for entry in entries:
            consumer = entry.consumer
            if consumer is not None:
                consumer.unacked -= 1
                self.unacked_count -= 1
                consumers[consumer.tag] = consumer
            if acked:
                entry.queue.acked(entry)
            elif not requeue:
                entry.queue.rejected(entry)
        if requeue:
            _requeue(entries)
        self.resume(self.consumers.values() if self.prefetch else consumers.values())

    def undo_settlements(self) -> None:
        """Undo the settlements that wait for tx.commit."""
        if not self.uncommitted:
            return
        for entries, _, _ in self.uncommitted:
            self.unacked.update(entries)
            self._settled_to = min([self._settled_to, *(tag - 1 for tag, _ in entries)])
        self.uncommitted = []
        ordered = sorted(self.unacked.items())
        self.unacked.clear()
        self.unacked.update(ordered)

    def requeue_all(self) -> None:
        """Return all unacknowledged messages to their queues (basic.recover)."""
        entries = list(self.unacked.values())
        self.unacked.clear()
        self.settle(entries, acked=False, requeue=True)

    def resume(self, consumers: Iterable[Consumer] | None = None) -> None:
        """Deliver to the consumers that can receive messages again; by default to all of them."""
        for consumer in list(self.consumers.values() if consumers is None else consumers):
            if consumer.tag in self.consumers and consumer.can_take():
                consumer.queue.resume(consumer)


def _requeue(entries: list[Entry]) -> None:
    by_queue: dict[MessageSource, list[Entry]] = {}
    for entry in entries:
        by_queue.setdefault(entry.queue, []).append(entry)
    for queue, each in by_queue.items():
        queue.requeue(each)


def _unknown_tag(tag: int) -> Refusal:
    return Refusal(PRECONDITION_FAILED, f'unknown delivery tag {tag}')
