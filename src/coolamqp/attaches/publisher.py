"""The publishers: one with confirms, one without.

The publisher with confirms keeps each message from the call until its confirm. It sends messages
in order, and resends unconfirmed messages after the loss of a channel. A nack or a refusal fails
only the message that it is about.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from coolamqp.attaches.channeler import ST_ONLINE, Channeler, Dialogue, is_refusal_of
from coolamqp.attaches.events import MessageReturned
from coolamqp.attaches.promise import Promise
from coolamqp.attaches.publication import Publication, properties_too_large
from coolamqp.attaches.publish_ledger import PublishLedger
from coolamqp.attaches.returns import Returns, returned
from coolamqp.exceptions import AMQPError, CoolAMQPError, MessageRefused
from coolamqp.framing.definitions import BasicPublish, BasicReturn, ConfirmSelect
from coolamqp.uplink.channel import Channel

# The publisher with confirms adds messages to the send buffer while it has fewer bytes than this.
# The other messages wait as unsent publications: programs can still withdraw them, and while the
# connection is blocked they do not use memory twice.
SEND_BUFFER_BYTES: Final = 1024 * 1024


class Publisher(Channeler):
    """The attach that publishes with confirms.

    :ivar held: the number of unconfirmed messages, sent or not
    :ivar held_bytes: their size for the publish window, in bytes
    """

    def __init__(self) -> None:
        super().__init__()
        self.held = 0
        self.held_bytes = 0
        self._ledger = PublishLedger()
        self._returns = Returns()
        self._unsent: deque[Publication] = deque()
        self._released = False
        # A channel error does not name the refused message. After one, the publisher sends this
        # many of its first messages one at a time, until the broker refuses one of them again.
        self._suspects = 0

    def release(self) -> None:
        """Start to send: the topology is restored."""
        self._released = True
        self.pump()

    def hold(self) -> None:
        """Stop sending until `release`: the next broker may not have the topology yet."""
        self._released = False

    def publish(self, publication: Publication) -> None:
        """Send a message, now or later, and keep it until its confirm."""
        self.held += 1
        self.held_bytes += publication.size
        channel, connection = self.channel, self.connection
        if (
            channel is None
            or connection is None
            or self._unsent
            or self.state != ST_ONLINE
            or not self._may_send(connection.out.size)
        ):
            self._unsent.append(publication)
        else:
            self._send(publication, channel, connection.limits.frame_max)

    @property
    def promises(self) -> list[Promise]:
        """The promises of the unconfirmed messages, in the order of publishing."""
        held = (*self._ledger.unsettled, *self._unsent)
        return [each.promise for each in held if each.promise is not None]

    @property
    def busy(self) -> bool:
        """Whether a message is unconfirmed."""
        return self.held > 0

    def withdraw(self, publication: Publication) -> bool:
        """Remove a message that is not sent yet. Return False if it was sent."""
        if publication.sent or publication not in self._unsent:
            return False
        self._unsent.remove(publication)
        self._forget(publication)
        return True

    def pump(self) -> None:
        """Add waiting messages to the send buffer, up to its bound."""
        channel, connection = self.channel, self.connection
        if channel is None or connection is None or self.state != ST_ONLINE:
            return
        while self._unsent and self._may_send(connection.out.size):
            self._send(self._unsent.popleft(), channel, connection.limits.frame_max)

    def _send(self, publication: Publication, channel: Channel, frame_max: int) -> None:
        if not publication.fits(frame_max):
            self._fail(publication, properties_too_large(frame_max))
            return
        publication.sent = True
        self._ledger.enter(publication)
        channel.publish(
            publication.exchange,
            publication.routing_key,
            publication.mandatory,
            publication.properties,
            publication.body,
        )

    def _may_send(self, out_size: int) -> bool:
        if not self._released or out_size >= SEND_BUFFER_BYTES:
            return False
        return not (self._suspects and len(self._ledger))

    def fail_all(self, error: Exception) -> None:
        """Fail all unconfirmed messages."""
        rest = self._ledger.clear() + list(self._unsent)
        self._unsent.clear()
        for publication in rest:
            self._fail(publication, error)

    def _fail(self, publication: Publication, error: Exception) -> None:
        self._forget(publication)
        self.effects.fail(publication.promise, error)

    def _forget(self, publication: Publication) -> None:
        self.held -= 1
        self.held_bytes -= publication.size

    # The channel

    def set_up(self) -> Dialogue:
        """Enable confirms on the channel."""
        yield ConfirmSelect()

    def on_online(self) -> None:
        """Send the waiting messages."""
        self.pump()

    def on_offline(self) -> None:
        """Queue unconfirmed messages again, in front of all others."""
        self._unsent.extendleft(reversed(self._ledger.clear()))
        self._returns.clear()

    def on_channel_closed(self, error: AMQPError | None) -> None:
        """Look for the refused message, if the broker closed the channel because of one."""
        sent = len(self._ledger)
        self.go_offline('channel closed')
        if sent and error is not None:
            self._search(sent, error)
            self.open()
        else:
            self.retry_later()

    def on_channel_lost(self, cause: Exception | None) -> None:
        """Look for the refused message, if the broker closed the connection because of one."""
        sent = len(self._ledger)
        super().on_channel_lost(cause)
        if sent and cause is not None and is_refusal_of(cause, BasicPublish()):
            self._search(sent, cause)

    def _search(self, sent: int, error: Exception) -> None:
        """Fail the refused message if it was sent alone; otherwise send the next ones alone."""
        if self._suspects:
            self._suspects -= 1
            self._fail(self._unsent.popleft(), error)
        else:
            self._suspects = sent

    def on_no_channel(self, error: CoolAMQPError) -> None:
        """Keep the messages, and try again later."""
        self.effects.log(
            f'nothing can be published with confirms now; CoolAMQP tries again: {error}'
        )
        self.retry_later()

    def on_return(self, method: BasicReturn, properties: bytes, body: Any) -> None:
        """Record a returned message; its confirm comes after it."""
        self._returns.enter(returned(method, properties, body))

    def on_settlement(self, delivery_tag: int, multiple: bool, acked: bool) -> None:
        """End the promises of the messages that the broker has confirmed or refused."""
        settled = self._ledger.settle(delivery_tag, multiple)
        for publication in settled:
            self._forget(publication)
            error = (
                None if acked and not publication.mandatory else self._error_of(publication, acked)
            )
            if error is None:
                self.effects.succeed(publication.promise)
            else:
                self.effects.fail(publication.promise, error)
        if self._suspects:
            self._suspects = max(self._suspects - len(settled), 0)
        if not len(self._ledger):
            for error in self._returns.clear():
                self.effects.log(
                    f'the broker has returned a message that CoolAMQP did not send: {error}'
                )
        self.pump()

    def _error_of(self, publication: Publication, acked: bool) -> CoolAMQPError | None:
        """Return the error of a settled message; None if the broker has accepted it."""
        returned_as = self._returns.take(publication) if publication.mandatory else None
        return returned_as if acked else MessageRefused()


class PlainPublisher(Channeler):
    """The attach that publishes without confirms. It drops messages while it must not send."""

    def __init__(self) -> None:
        super().__init__()
        self._released = False

    def release(self) -> None:
        """Start to send: the topology is restored."""
        self._released = True

    def hold(self) -> None:
        """Stop sending until `release`: the next broker may not have the topology yet."""
        self._released = False

    def publish(self, publication: Publication) -> bool:
        """Send a message, or drop it if that is not possible. Return whether it was sent."""
        if (
            self.channel is None
            or self.connection is None
            or self.state != ST_ONLINE
            or not self._released
        ):
            return False
        if not publication.fits(self.connection.limits.frame_max):
            error = properties_too_large(self.connection.limits.frame_max)
            self.effects.log(f'CoolAMQP has dropped a message: {error}')
            return False
        publication.send(self.channel)
        return True

    def set_up(self) -> Dialogue:
        """Send nothing: the channel needs no set-up."""
        yield from ()

    def on_return(self, method: BasicReturn, properties: bytes, body: Any) -> None:
        """Report a returned message."""
        self.effects.report(MessageReturned(returned(method, properties, body)))

    def on_channel_closed(self, error: AMQPError | None) -> None:
        """Log the refusal, and open a channel again."""
        self.go_offline('channel closed')
        self.effects.log(f'the broker has refused a message published without confirm: {error}')
        self.retry_later()

    def on_no_channel(self, error: CoolAMQPError) -> None:
        """Try again later."""
        self.effects.log(f'nothing can be published now; CoolAMQP tries again: {error}')
        self.retry_later()
