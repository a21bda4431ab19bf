"""Publishing: with confirms, kept until the broker has taken responsibility, or without.

A confirming publisher owns every message from the call to its confirm. It sends them in order, and
again after a lost channel; a nack or a refusal ends the one that it concerns.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from coolamqp.attaches.channeler import ST_ONLINE, Channeler, Dialogue, is_refusal_of
from coolamqp.attaches.events import MessageReturned
from coolamqp.attaches.promise import Promise
from coolamqp.attaches.publication import Publication
from coolamqp.attaches.publish_ledger import PublishLedger
from coolamqp.attaches.returns import Returns, returned
from coolamqp.exceptions import AMQPError, CoolAMQPError, MessageRefused
from coolamqp.framing.definitions import BasicPublish, BasicReturn, ConfirmSelect
from coolamqp.uplink.channel import Channel

# A confirming publisher fills the send buffer up to here, in bytes; the rest waits in its own
# queue, where it can still be cancelled, and where a blocked connection does not double it.
SEND_AHEAD: Final = 1024 * 1024


class Publisher(Channeler):
    """Publishes with confirms.

    :ivar held: how many messages are kept, sent or not
    :ivar held_bytes: what they count for, in bytes
    """

    def __init__(self) -> None:
        super().__init__()
        self.held = 0
        self.held_bytes = 0
        self._ledger = PublishLedger()
        self._returns = Returns()
        self._unsent: deque[Publication] = deque()
        self._released = False
        # After a refusal nobody knows which message it was. So many at the front are sent one at a
        # time then, until the refusal has found its message.
        self._suspects = 0

    def release(self) -> None:
        """Begin to send: what the messages need is in place."""
        self._released = True
        self.pump()

    def hold(self) -> None:
        """Cease to send until `release`: what the messages need may not be in place."""
        self._released = False

    def publish(self, publication: Publication) -> None:
        """Publish a message; it is kept until it is settled."""
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
        """Who waits for a confirm at this moment, in the order of publishing."""
        held = (*self._ledger.unsettled, *self._unsent)
        return [each.promise for each in held if each.promise is not None]

    @property
    def busy(self) -> bool:
        """Whether anything is held."""
        return self.held > 0

    def withdraw(self, publication: Publication) -> bool:
        """Take a message back; False if it has been sent."""
        if publication.sent or publication not in self._unsent:
            return False
        self._unsent.remove(publication)
        self._forget(publication)
        return True

    def pump(self) -> None:
        """Send what may be sent."""
        channel, connection = self.channel, self.connection
        if channel is None or connection is None or self.state != ST_ONLINE:
            return
        while self._unsent and self._may_send(connection.out.size):
            self._send(self._unsent.popleft(), channel, connection.limits.frame_max)

    def _send(self, publication: Publication, channel: Channel, frame_max: int) -> None:
        if not publication.fits(frame_max):
            self._fail(publication, ValueError('the properties do not fit into one frame'))
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
        if not self._released or out_size >= SEND_AHEAD:
            return False
        return not (self._suspects and len(self._ledger))

    def fail_all(self, error: Exception) -> None:
        """End everything that is held."""
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
        """Have publishes confirmed."""
        yield ConfirmSelect()

    def on_online(self) -> None:
        """Send what has waited."""
        self.pump()

    def on_offline(self) -> None:
        """Have what is not confirmed sent again, before everything else."""
        self._unsent.extendleft(reversed(self._ledger.clear()))
        self._returns.clear()

    def on_channel_closed(self, error: AMQPError | None) -> None:
        """Look for the message that was refused, if the channel was closed for one."""
        sent = len(self._ledger)
        self.go_offline('channel closed')
        if sent and error is not None:
            self._search(sent, error)
            self.open()
        else:
            self.retry_later()

    def on_channel_lost(self, cause: Exception | None) -> None:
        """Go offline; look for a message that the connection was closed for."""
        sent = len(self._ledger)
        super().on_channel_lost(cause)
        if sent and cause is not None and is_refusal_of(cause, BasicPublish()):
            self._search(sent, cause)

    def _search(self, sent: int, error: Exception) -> None:
        """Fail the message that was refused if it was sent alone, or have suspects sent alone."""
        if self._suspects:
            self._suspects -= 1
            self._fail(self._unsent.popleft(), error)
        else:
            self._suspects = sent

    def on_no_channel(self, error: CoolAMQPError) -> None:
        """Try again later; the messages are kept."""
        self.effects.log(f'nothing can be published with confirms: {error}')
        self.retry_later()

    def on_return(self, method: BasicReturn, properties: bytes, body: Any) -> None:
        """Take a message that came back; its confirm is still to come."""
        self._returns.enter(returned(method, properties, body))

    def on_settlement(self, delivery_tag: int, multiple: bool, acked: bool) -> None:
        """End what the broker has confirmed or refused."""
        settled = self._ledger.settle(delivery_tag, multiple)
        for publication in settled:
            self._forget(publication)
            error = (
                None if acked and not publication.mandatory else self._verdict(publication, acked)
            )
            if error is None:
                self.effects.succeed(publication.promise)
            else:
                self.effects.fail(publication.promise, error)
        if self._suspects:
            self._suspects = max(self._suspects - len(settled), 0)
        if not len(self._ledger):
            for error in self._returns.clear():
                self.effects.log(f'a message came back that is none of those sent: {error}')
        self.pump()

    def _verdict(self, publication: Publication, acked: bool) -> CoolAMQPError | None:
        """Give the reason why a message that is settled was not taken; None if it was."""
        returned_as = self._returns.take(publication) if publication.mandatory else None
        return returned_as if acked else MessageRefused()


class PlainPublisher(Channeler):
    """Publishes and forgets."""

    def publish(self, publication: Publication) -> bool:
        """Send a message; False if there is no channel, and it is dropped."""
        if self.channel is None or self.connection is None or self.state != ST_ONLINE:
            return False
        if not publication.fits(self.connection.limits.frame_max):
            self.effects.log('a message was dropped: its properties do not fit into one frame')
            return False
        publication.send(self.channel)
        return True

    def set_up(self) -> Dialogue:
        """Need nothing."""
        yield from ()

    def on_return(self, method: BasicReturn, properties: bytes, body: Any) -> None:
        """Report a message that came back."""
        self.effects.report(MessageReturned(returned(method, properties, body)))

    def on_channel_closed(self, error: AMQPError | None) -> None:
        """Say that messages were lost, and go on with the next."""
        self.go_offline('channel closed')
        self.effects.log(f'a message published without confirm was refused: {error}')
        self.retry_later()

    def on_no_channel(self, error: CoolAMQPError) -> None:
        """Try again later."""
        self.effects.log(f'nothing can be published: {error}')
        self.retry_later()
