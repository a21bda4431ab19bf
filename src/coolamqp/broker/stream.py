"""Streams: logs of messages, which consumers read without removing them.

https://www.rabbitmq.com/docs/streams, for clients of AMQP 0-9-1.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from coolamqp.broker.arguments import INTEGERS, TYPE_NAMES, NamedArguments
from coolamqp.broker.base_queue import BaseQueue, QueueDefinition, QueueHost
from coolamqp.broker.delivery import Consumer, Entry
from coolamqp.broker.errors import Refusal, shown
from coolamqp.broker.message import NO_MESSAGE, BrokerMessage
from coolamqp.broker.queue_options import PRIORITY, age_seconds, unsupported
from coolamqp.framing.field_table import TypedTable
from coolamqp.reply_codes import NOT_IMPLEMENTED, PRECONDITION_FAILED

_OFFSET: Final = b'x-stream-offset'
_FILTER: Final = b'x-stream-filter'
_FILTER_VALUE: Final = b'x-stream-filter-value'
# The delivery modes.
_TRANSIENT: Final = 1
_PERSISTENT: Final = 2
_UNFILTERED: Final = b'x-stream-match-unfiltered'


@dataclass(slots=True)
class _Record:
    """A message in the log, with the time of its arrival in seconds since 1970."""

    message: BrokerMessage
    time: float


@dataclass(slots=True)
class _Reader:
    """The position of a consumer in the log, and its filter."""

    consumer: Consumer
    offset: int
    filters: frozenset[bytes]
    unfiltered: bool

    def wants(self, message: BrokerMessage) -> bool:
        """Whether the message passes the filter of the consumer."""
        if not self.filters:
            return True
        for name, (value, letter) in message.headers:
            if name == _FILTER_VALUE and letter == 'S':
                return bytes(value) in self.filters
        return self.unfiltered


class Stream(BaseQueue):
    """A stream."""

    def __init__(self, vhost: QueueHost, definition: QueueDefinition) -> None:
        super().__init__(vhost, definition)
        self._log: list[_Record] = []
        self._first = 0  # offset of the first record
        self._size = 0  # of the bodies, in bytes
        self._entries: dict[int, Entry] = {}  # stored ones, by offset
        self._readers: dict[Consumer, _Reader] = {}

    @property
    def _end(self) -> int:
        """The offset of the next message."""
        return self._first + len(self._log)

    @property
    def message_count(self) -> int:
        """The number of messages in the log."""
        return len(self._log)

    def messages(self) -> list[BrokerMessage]:
        """Return all messages of the log."""
        return [record.message for record in self._log]

    def publish(self, message: BrokerMessage) -> bool:
        """Append a message to the log."""
        entry = Entry(message, self, self._end)
        self.vhost.store_message(entry)
        self.published += 1
        self._append(entry, self.vhost.wall_time())
        for reader in list(self._readers.values()):
            self._read_on(reader)
        return True

    def restore(self, entry: Entry) -> None:
        """Append a message from the store."""
        if not self._log:
            self._first = entry.position
        self._append(entry, self.vhost.wall_time())

    def _append(self, entry: Entry, time: float) -> None:
        self.vhost.memory.hold(entry.message)
        self._log.append(_Record(entry.message, time))
        self._size += entry.message.size
        if entry.stored:
            self._entries[entry.position] = entry
        self._truncate()

    def _truncate(self) -> None:
        """Remove the oldest messages beyond the limits of the stream, but never the last one."""
        limit, age = self.options.max_length_bytes, self.options.max_age
        if limit is None and age is None:
            return
        oldest = None if age is None else self.vhost.wall_time() - age
        count = 0
        while count < len(self._log) - 1:
            record = self._log[count]
            too_much = limit is not None and self._size > limit
            if not too_much and (oldest is None or record.time >= oldest):
                break
            self._size -= record.message.size
            self.vhost.memory.release(record.message)
            entry = self._entries.pop(self._first + count, None)
            if entry is not None:
                self.vhost.drop_message(entry)
            count += 1
        del self._log[:count]
        self._first += count

    def close(self) -> None:
        """Forget all messages and timers, since the stream is deleted."""
        super().close()
        for record in self._log:
            self.vhost.memory.release(record.message)
        self._log.clear()
        self._entries.clear()

    # Consumers

    def check_consume(self, no_ack: bool, prefetch: int, arguments: NamedArguments) -> None:
        """Check a consumer: it needs acknowledgements, a prefetch count and a valid offset.

        :raises Refusal: one of them is missing or invalid
        """
        where = self.vhost.where('queue', self.name)
        if not prefetch:
            raise Refusal(
                PRECONDITION_FAILED, f'consumer prefetch count is not set for stream {where}'
            )
        if no_ack:
            raise Refusal(
                NOT_IMPLEMENTED, f'automatic acknowledgement not supported by stream {where}'
            )
        if PRIORITY in arguments:
            raise unsupported(PRIORITY, where, self.kind)
        self._offset_of(arguments)

    def add_consumer(self, consumer: Consumer) -> None:
        """Add a consumer, and deliver from its offset on."""
        self.consumers.add(consumer)
        self.used()
        filters, unfiltered = _filters_of(consumer.arguments)
        offset = self._offset_of(consumer.arguments)
        reader = _Reader(consumer, max(offset, self._first), filters, unfiltered)
        self._readers[consumer] = reader
        self._read_on(reader)

    def remove_consumer(self, consumer: Consumer) -> None:
        """Remove a consumer."""
        self._readers.pop(consumer, None)
        super().remove_consumer(consumer)

    def resume(self, consumer: Consumer) -> None:
        """Deliver to a consumer that can receive messages again."""
        reader = self._readers.get(consumer)
        if reader is not None:
            self._read_on(reader)

    def _read_on(self, reader: _Reader) -> None:
        """Deliver as many messages to a consumer as it can receive."""
        reader.offset = max(reader.offset, self._first)
        consumer = reader.consumer
        while reader.offset < self._end and consumer.can_take():
            message = self._log[reader.offset - self._first].message
            if reader.wants(message):
                entry = Entry(message, self, reader.offset)
                self.delivered += 1
                consumer.deliver(entry)
                entry.message = NO_MESSAGE  # The channel has the entry until it is settled.
            reader.offset += 1

    def _offset_of(self, arguments: NamedArguments) -> int:
        """Return the offset that x-stream-offset names.

        :raises Refusal: it is invalid
        """
        value, letter = arguments.get(_OFFSET, (b'next', 'S'))
        if letter == 'T':
            return self._at_time(value)
        if letter in INTEGERS:
            return int(value)
        text = shown(value) if letter == 'S' else ''
        if text == 'first':
            return self._first
        if text == 'last':
            return max(self._end - 1, self._first)
        if text == 'next':
            return self._end
        age = age_seconds(text)
        if age is not None:
            return self._at_time(self.vhost.wall_time() - age)
        raise Refusal(
            PRECONDITION_FAILED,
            f"invalid arg 'x-stream-offset' for {self.vhost.where('queue', self.name)}: "
            f'{{invalid_stream_offset_arg,{{{TYPE_NAMES[letter]},<<"{text}">>}}}}',
        )

    def _at_time(self, seconds: float) -> int:
        return self._first + bisect_left(self._log, seconds, key=lambda record: record.time)

    # Settlement

    def properties_of(self, entry: Entry) -> bytes:
        """Return the properties of a delivery: those of the message with its offset."""
        headers: TypedTable = [item for item in entry.message.headers if item[0] != _OFFSET]
        headers = [(_OFFSET, (entry.position, 'l')), *headers]
        mode = _PERSISTENT if entry.message.persistent else _TRANSIENT  # as RabbitMQ 4 stores it
        return entry.message.changed(headers=headers, delivery_mode=mode).properties

    def get(self) -> Entry | None:
        """Refuse basic.get.

        :raises Refusal: always
        """
        where = self.vhost.where('queue', self.name)
        raise Refusal(NOT_IMPLEMENTED, f'basic.get not supported by stream queues {where}')

    def acked(self, entry: Entry) -> None:
        """Do nothing: an acknowledgement only lets the consumer read on."""

    def rejected(self, entry: Entry) -> None:
        """Do nothing: a stream keeps its messages."""

    def requeue(self, entries: Iterable[Entry]) -> None:
        """Do nothing: a stream keeps its messages."""

    def purge(self) -> int:
        """Refuse to purge.

        :raises Refusal: always
        """
        where = self.vhost.where('queue', self.name)
        raise Refusal(NOT_IMPLEMENTED, f'queue.purge not supported by stream queues {where}')


def _filters_of(arguments: NamedArguments) -> tuple[frozenset[bytes], bool]:
    """Return the filter values of a consumer, and whether it receives messages without a value.

    https://www.rabbitmq.com/docs/streams#filtering
    """
    value, letter = arguments.get(_FILTER, (None, 'V'))
    values: list[Any] = []
    if letter == 'S':
        values = [value]
    elif letter == 'A':
        values = [each for each, kind in value or [] if kind == 'S']
    unfiltered, kind = arguments.get(_UNFILTERED, (False, 't'))
    return frozenset(bytes(each) for each in values), bool(unfiltered) and kind == 't'
