"""The channel that Kombu uses: its methods are those of the protocol, and wait for the answer."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NoReturn, cast

from amqp.exceptions import ChannelError as AnyChannelError
from amqp.exceptions import (
    ConsumerCancelled,
    MessageNacked,
    RecoverableChannelError,
    RecoverableConnectionError,
    error_for_code,
)
from kombu.transport.base import StdChannel

from coolamqp.framing.definitions import (
    BasicCancel,
    BasicConsume,
    BasicGet,
    BasicGetEmpty,
    BasicQos,
    BasicRecover,
    BasicReturn,
    ChannelFlow,
    ConfirmSelect,
)
from coolamqp.framing.field_table import Arguments
from coolamqp.framing.hot import Envelope
from coolamqp.framing.method import Method
from coolamqp.framing.text import short_bytes
from coolamqp.kombu import messages
from coolamqp.kombu.batch import Publication, PublishBatch
from coolamqp.kombu.connection import Connection
from coolamqp.kombu.handler import Handler
from coolamqp.kombu.messages import OutgoingMessage, text
from coolamqp.kombu.topology import Topology
from coolamqp.log_events import LogEvent, extra, one_line
from coolamqp.uplink.connection import CLOSE_TIMEOUT
from coolamqp.uplink.states import ChannelState

logger = logging.getLogger(__name__)


class Channel(Topology, StdChannel):
    """A channel. If the broker closes it for an error, the next call opens it again.

    :ivar connection: its connection; None once the channel is closed
    :ivar channel_id: its number on the connection
    :ivar callbacks: the callback of each consumer for its messages, by consumer tag
    :ivar cancel_callbacks: the callback of each consumer for its end by the broker
    :ivar no_ack_consumers: tags of the consumers whose messages need no acknowledgement
    :ivar events: callbacks by the names `basic_return`, `basic_ack` and `basic_nack`
    """

    Message = messages.Message

    def __init__(self, connection: Connection) -> None:
        self.connection: Connection | None = connection
        self.channel_id = 0
        self.callbacks: dict[str, Callable[[messages.Message], Any] | None] = {}
        self.cancel_callbacks: dict[str, Callable[[str], Any]] = {}
        self.no_ack_consumers: set[str] = set()
        self.events: defaultdict[str, set[Callable[..., Any]]] = defaultdict(set)
        self._tags_before = 0  # the delivery tags of the times before the broker closed it
        self._open()

    # The life of a channel

    def _open(self) -> None:
        connection = self._connection()
        self._handler = handler = Handler(self, connection)
        self._uplink = uplink = connection.open_uplink(handler)
        self.channel_id = uplink.number
        connection.channels[uplink.number] = self
        connection.wait_while(lambda: uplink.state is ChannelState.OPENING)
        connection.check()
        self.raise_error()

    def _open_again(self) -> None:
        # The broker counts the delivery tags from 1 again. An old message must not acknowledge a
        # new one.
        self._tags_before += self._handler.last_tag
        self._open()

    @property
    def is_open(self) -> bool:
        """Whether the channel is open, as far as the last call knows."""
        return self.connection is not None and self._uplink.is_open

    def close(self) -> None:
        """Close the channel. The broker delivers its unacknowledged messages again."""
        connection, uplink = self.connection, self._uplink
        if connection is None:
            return
        try:
            if connection.connected:
                with connection.driver.lock:
                    uplink.close()
                connection.wait_while(
                    lambda: uplink.state is not ChannelState.CLOSED, CLOSE_TIMEOUT
                )
        finally:
            self.collect()

    def collect(self) -> None:
        """Forget everything, and send nothing to the broker."""
        if self.connection is not None:
            if self.connection.channels.get(self.channel_id) is self:
                del self.connection.channels[self.channel_id]
            self._keep_events(self.connection, lambda event: event[0].__self__ is not self)
        self.connection = None
        for each in (self.callbacks, self.cancel_callbacks, self.no_ack_consumers, self.events):
            each.clear()

    def drop_requeued(self) -> None:
        """Drop the events of this channel whose messages the broker delivers again.

        The broker has forgotten messages without acknowledgement.
        """
        tags = {tag.encode() for tag in self.no_ack_consumers}
        if self.connection is not None:
            self._keep_events(
                self.connection,
                lambda event: (
                    event[0].__self__ is not self
                    or (event[0] == self.deliver and event[1].consumer_tag in tags)
                ),
            )

    @staticmethod
    def _keep_events(connection: Connection, wanted: Callable[[tuple[Any, ...]], bool]) -> None:
        kept = [event for event in connection.events if wanted(event)]
        connection.events.clear()
        connection.events.extend(kept)

    def raise_error(self) -> None:
        """Raise, once, the error for which the broker has closed the channel."""
        error, self._handler.error = self._handler.error, None
        if error is not None:
            raise error

    # Calls

    def _connection(self) -> Connection:
        """Return the connection.

        :raises RecoverableConnectionError: the channel is closed
        """
        if self.connection is None:
            raise RecoverableConnectionError('the channel is closed')
        return self.connection

    def _ready(self) -> Connection:
        """Return the connection, and open the channel again if the broker has closed it."""
        connection = self._connection()
        connection.check()
        self.raise_error()
        if not self._uplink.is_open:
            self._open_again()
        return connection

    def call(self, method: Method, *, nowait: bool = False) -> Any:
        """Send a method, and return its answer; None with `nowait`."""
        connection = self._ready()
        uplink, answers = self._uplink, list[Method]()
        with connection.driver.lock:
            if nowait:
                uplink.send(method)
            else:
                uplink.call(method, answers.append)
        if nowait:
            connection.flush()
            return None
        connection.wait_while(lambda: not answers and uplink.is_open)
        if not answers:
            self._raise_end(connection)
        return answers[0]

    def _raise_end(self, connection: Connection) -> NoReturn:
        """Raise the error for which the channel has ended during a call."""
        connection.check()
        self.raise_error()
        # A callback has made a call within this one, and handled the error.
        raise RecoverableChannelError('the channel was closed during the call')

    def flow(self, active: bool) -> None:
        """Ask the broker to pause or resume deliveries. RabbitMQ refuses the pause."""
        self.call(ChannelFlow(bool(active)))

    # Consuming

    def basic_qos(self, prefetch_size: int, prefetch_count: int, a_global: bool) -> None:
        """Set the prefetch count."""
        self.call(BasicQos(prefetch_size, prefetch_count, bool(a_global)))

    def basic_consume(
        self,
        queue: str = '',
        consumer_tag: str = '',
        no_local: bool = False,
        no_ack: bool = False,
        exclusive: bool = False,
        nowait: bool = False,
        callback: Callable[[messages.Message], Any] | None = None,
        arguments: Arguments = None,
        on_cancel: Callable[[str], Any] | None = None,
    ) -> str:
        """Start a consumer; return its tag. `drain_events` calls the callback.

        :raises ValueError: with `nowait`, the tag must be given
        """
        if nowait and not consumer_tag:
            raise ValueError(
                'nowait=True needs a consumer_tag: the broker does not answer with one'
            )
        method = BasicConsume(
            queue,
            consumer_tag,
            bool(no_local),
            bool(no_ack),
            bool(exclusive),
            bool(nowait),
            arguments,
        )
        answer = self.call(method, nowait=nowait)
        tag = consumer_tag if answer is None else text(answer.consumer_tag)
        self.callbacks[tag] = callback
        if on_cancel is not None:
            self.cancel_callbacks[tag] = on_cancel
        if no_ack:
            self.no_ack_consumers.add(tag)
        return tag

    def basic_cancel(self, consumer_tag: str, nowait: bool = False) -> None:
        """End a consumer. Messages that wait for `drain_events` are requeued.

        Those of a consumer without acknowledgements cannot be, and go to its callback.
        """
        connection = self.connection
        if connection is None:
            return
        self.call(BasicCancel(consumer_tag, bool(nowait)), nowait=nowait)
        if nowait:
            return
        if consumer_tag not in self.no_ack_consumers:
            self.callbacks.pop(consumer_tag, None)
        # If a callback raises, drain_events calls the rest.
        while (event := self._event_of(connection, consumer_tag)) is not None:
            connection.events.remove(event)
            if event[0] == self.deliver:
                self.deliver(*event[1:])
        self._forget_consumer(consumer_tag)

    def _event_of(self, connection: Connection, tag: str) -> tuple[Any, ...] | None:
        return next((event for event in connection.events if self._is_of(event, tag)), None)

    def _is_of(self, event: tuple[Any, ...], tag: str) -> bool:
        """Whether an event is of a consumer: a message, or the end by the broker."""
        if event[0] == self.deliver:
            return bool(event[1].consumer_tag == tag.encode())
        return event == (self.cancelled, tag)

    def _forget_consumer(self, tag: str) -> Callable[[str], Any] | None:
        self.no_ack_consumers.discard(tag)
        self.callbacks.pop(tag, None)
        return self.cancel_callbacks.pop(tag, None)

    def basic_get(self, queue: str = '', no_ack: bool = False) -> messages.Message | None:
        """Get one message from a queue; None if there is none."""
        answer = self.call(BasicGet(queue, bool(no_ack)))
        if isinstance(answer, BasicGetEmpty):
            return None
        got = cast('tuple[Envelope, bytes, bytes]', self._handler.got)
        self._handler.got = None
        message = self._message(*got)
        message.delivery_info['message_count'] = answer.message_count
        return message

    def basic_ack(self, delivery_tag: int, multiple: bool = False) -> None:
        """Acknowledge a message, or with `multiple` all up to it."""
        self._settle(delivery_tag, lambda tag: self._uplink.ack(tag, bool(multiple)))

    def basic_reject(self, delivery_tag: int, requeue: bool) -> None:
        """Refuse a message, and requeue it or not."""
        self._settle(delivery_tag, lambda tag: self._uplink.reject(tag, bool(requeue)))

    def _settle(self, delivery_tag: int, send: Callable[[int], None]) -> None:
        """Settle a message, unless the broker has requeued it.

        :param send: called with the tag by which the broker knows the message
        """
        connection = self._connection()
        connection.check()
        tag = self._current_tag(delivery_tag)
        if tag is not None:
            with connection.driver.lock:
                send(tag)
            connection.flush()

    def _current_tag(self, delivery_tag: int) -> int | None:
        """Return the tag by which the broker knows a message; None if it is requeued.

        0 means all messages of the channel.
        """
        tag = delivery_tag - self._tags_before
        if delivery_tag and tag <= 0:
            logger.info(
                'the message %d is requeued, since its channel was closed',
                delivery_tag,
                extra=extra(LogEvent.MESSAGE_REQUEUED),
            )
            return None
        return tag if delivery_tag else 0

    def basic_recover(self, requeue: bool = False) -> None:
        """Request the unacknowledged messages again."""
        self.call(BasicRecover(bool(requeue)))

    def message_to_python(self, message: messages.Message) -> messages.Message:
        """Return the message: it has the form that Kombu wants."""
        return message

    def deliver(self, envelope: Envelope, properties: bytes, body: bytes) -> None:
        """Hand a message to the callback of its consumer."""
        message = self._message(envelope, properties, body)
        tag = message.delivery_info['consumer_tag']
        callback = self.callbacks.get(tag)
        if callback is not None:
            callback(message)
        else:
            logger.info(
                'a message for the consumer %s, which has ended, is requeued',
                one_line(tag),
                extra=extra(LogEvent.MESSAGE_REQUEUED),
            )
            self.basic_reject(message.delivery_tag, requeue=True)

    def _message(self, envelope: Envelope, properties: bytes, body: bytes) -> messages.Message:
        tag = self._tags_before + envelope.delivery_tag
        return messages.Message(self, tag, envelope, properties, body)

    def cancelled(self, tag: str) -> None:
        """Call `on_cancel`, since the broker has cancelled a consumer.

        :raises ConsumerCancelled: the consumer has no `on_cancel`
        """
        on_cancel = self._forget_consumer(tag)
        if on_cancel is None:
            raise ConsumerCancelled(tag, BasicCancel.INDEX)
        on_cancel(tag)

    # Publishing

    def prepare_message(
        self,
        body: Any,
        priority: int | None = None,
        content_type: str | None = None,
        content_encoding: str | None = None,
        headers: dict[str, Any] | None = None,
        properties: dict[str, Any] | None = None,
    ) -> OutgoingMessage:
        """Make a message to publish."""
        return OutgoingMessage(body, priority, content_type, content_encoding, headers, properties)

    def basic_publish(
        self,
        message: OutgoingMessage,
        exchange: str = '',
        routing_key: str = '',
        mandatory: bool = False,
        immediate: bool = False,
        timeout: float | None = None,
        confirm_timeout: float | None = None,
    ) -> None:
        """Publish a message; with `confirm_publish`, wait for the confirm.

        :param immediate: ignored, since RabbitMQ refuses it
        :param timeout: the longest wait for the socket, in seconds
        :param confirm_timeout: the longest wait for the confirm; without it, `timeout` holds
        :raises MessageNacked: the broker has refused the message
        """
        self._begin_publish()
        self._write(message, exchange, routing_key, mandatory)
        self._end_publish(timeout, confirm_timeout or timeout)

    def publish_all(self, messages: list[Publication]) -> None:
        """Publish messages; with `confirm_publish`, wait for all confirms."""
        self._begin_publish()
        for message in messages:
            self._write(*message)
        self._end_publish(None, None)

    def _begin_publish(self) -> None:
        connection = self._connection()
        confirms = connection.options.confirm_publish
        if not confirms:
            connection.receive()  # The wait for a confirm would notice that the broker has gone.
        self._ready()
        if confirms and not self._handler.confirming:
            self.confirm_select()

    def _end_publish(self, timeout: float | None, confirm_timeout: float | None) -> None:
        connection = self._connection()
        connection.flush(timeout)
        if connection.options.confirm_publish:
            self._await_confirms(confirm_timeout)

    def _write(
        self, message: OutgoingMessage, exchange: str, routing_key: str, mandatory: bool
    ) -> None:
        """Write a message into the send buffer."""
        address = short_bytes(exchange, 'exchange'), short_bytes(routing_key, 'routing_key')
        body, properties = message.encode()
        with self._connection().driver.lock:
            self._uplink.publish(*address, bool(mandatory), properties, body)
            self._handler.published()

    def _await_confirms(self, timeout: float | None) -> None:
        """Wait until the broker has answered each message.

        :raises MessageNacked: the broker has refused one
        """
        connection, handler, uplink = self._connection(), self._handler, self._uplink
        connection.wait_while(lambda: bool(handler.unconfirmed) and uplink.is_open, timeout)
        if handler.unconfirmed:
            self._raise_end(connection)
        self.raise_error()
        if handler.refused:
            handler.refused = False
            raise MessageNacked('the broker has refused the message (basic.nack)')

    def confirm_select(self, nowait: bool = False) -> None:
        """Request confirms for the messages that are published on this channel."""
        self.call(ConfirmSelect(bool(nowait)), nowait=nowait)
        self._handler.confirming = True

    def create_publish_batch(self, max_size: int) -> PublishBatch:
        """Begin a batch for `kombu.Producer.batch`."""
        return PublishBatch(self, max_size)

    def returned(self, method: BasicReturn, properties: bytes, body: bytes) -> None:
        """Call the listeners, since the broker has returned a mandatory message.

        :raises amqp.exceptions.ChannelError: there is no listener for `basic_return`
        """
        shown, index = text(method.reply_text), BasicReturn.INDEX
        error = error_for_code(method.reply_code, shown, index, AnyChannelError)
        handlers = self.events['basic_return']
        if not handlers:
            raise error
        message = messages.returned_message(self, method, properties, body)
        for handler in list(handlers):
            handler(error, text(method.exchange), text(method.routing_key), message)
