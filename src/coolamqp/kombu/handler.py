"""The handler of one channel: it records the answers and messages of the broker for the calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Protocol

from coolamqp.exceptions import AMQPError
from coolamqp.framing.definitions import BasicCancel, BasicReturn
from coolamqp.framing.hot import Envelope
from coolamqp.framing.method import Method
from coolamqp.kombu.connection import Connection
from coolamqp.kombu.errors import channel_error
from coolamqp.kombu.messages import text
from coolamqp.uplink.channel import ChannelHandler


class Caller(Protocol):
    """A channel, as its handler sees it."""

    channel_id: int
    events: defaultdict[str, set[Callable[..., Any]]]

    def deliver(self, envelope: Envelope, properties: bytes, body: bytes) -> None:
        """Hand a message to the callback of its consumer."""

    def returned(self, method: BasicReturn, properties: bytes, body: bytes) -> None:
        """Call the listeners, since the broker has returned a message."""

    def cancelled(self, tag: str) -> None:
        """Call `on_cancel`, since the broker has cancelled a consumer."""

    def raise_error(self) -> None:
        """Raise the error for which the broker has closed the channel."""

    def drop_requeued(self) -> None:
        """Drop the events of the channel whose messages the broker delivers again."""


class Handler(ChannelHandler):
    """Records the input of a channel, from the time it opens until it closes.

    :ivar error: the error to raise in the next call, since the broker has closed the channel
    :ivar got: envelope, properties and body of the message that answers a `basic_get`
    :ivar last_tag: the highest delivery tag
    :ivar confirming: whether the broker confirms the messages
    :ivar unconfirmed: the numbers of the messages that it has not answered
    :ivar refused: whether it has refused a message
    """

    def __init__(self, channel: Caller, connection: Connection) -> None:
        self.error: Exception | None = None
        self.last_tag = 0
        self.confirming = False
        self.unconfirmed: set[int] = set()
        self.refused = False
        self._channel = channel
        self._connection = connection
        self.got: tuple[Envelope, bytes, Any] | None = None
        self._count = 0  # of the messages that were published
        self._settled_to = 0  # The broker has answered all messages up to this number.
        self._add_event = connection.events.append
        self._add_notice = connection.notices.append

    def published(self) -> None:
        """Record that a message was published."""
        if self.confirming:
            self._count += 1
            self.unconfirmed.add(self._count)

    def on_channel_open(self) -> None:
        """Do nothing: `wait_while` checks the state."""

    def on_channel_closed(self, error: AMQPError | None) -> None:
        """Record the error, and let `drain_events` raise it if no call does before."""
        if error is not None:
            channel, connection = self._channel, self._connection
            self.error = channel_error(error)
            connection.channels.pop(channel.channel_id, None)
            channel.drop_requeued()
            self._add_event((channel.raise_error,))

    def on_channel_lost(self, cause: Exception | None) -> None:
        """Do nothing: the connection has the error."""

    def on_method(self, method: Method) -> None:
        """Record that the broker has cancelled a consumer."""
        if isinstance(method, BasicCancel):
            self._add_event((self._channel.cancelled, text(method.consumer_tag)))

    def on_delivery(self, envelope: Envelope, properties: bytes, body: Any) -> None:
        """Record a message."""
        self.last_tag = envelope.delivery_tag
        self._add_event((self._channel.deliver, envelope, properties, body))

    def on_get_ok(self, envelope: Envelope, properties: bytes, body: Any) -> None:
        """Keep the message that answers a `basic_get`."""
        self.last_tag = envelope.delivery_tag
        self.got = envelope, properties, body

    def on_return(self, method: BasicReturn, properties: bytes, body: Any) -> None:
        """Record a returned message."""
        self._add_notice((self._channel.returned, method, properties, body))

    def on_settlement(self, delivery_tag: int, multiple: bool, acked: bool) -> None:
        """Record which messages the broker has confirmed or refused."""
        if multiple:
            self.unconfirmed.difference_update(range(self._settled_to + 1, delivery_tag + 1))
            self._settled_to = delivery_tag
        else:
            self.unconfirmed.discard(delivery_tag)
        self.refused = self.refused or not acked
        name = 'basic_ack' if acked else 'basic_nack'
        for callback in self._channel.events.get(name, ()):
            self._add_notice((callback, delivery_tag, multiple))
