"""The publisher without confirms: it sends a message at once, or drops it.

RabbitMQ closes the channel for a message to a missing or forbidden exchange, and ignores all
messages behind it. So messages to an exchange that was refused use another channel for some time.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Any, Final

from coolamqp.attaches.channeler import ST_ONLINE, Channeler, Dialogue
from coolamqp.attaches.events import MessageReturned
from coolamqp.attaches.publication import Publication, properties_too_large
from coolamqp.attaches.refusals import exchange_in
from coolamqp.attaches.returns import returned
from coolamqp.exceptions import AMQPError, CoolAMQPError
from coolamqp.framing.definitions import BasicReturn
from coolamqp.log_events import LogEvent
from coolamqp.uplink.channel import Channel

# While a channel is opened again, at most this many messages wait for it.
UNSENT_MAX: Final = 10_000
# Messages to a refused exchange use another channel for this many seconds.
REFUSED_SECONDS: Final = 30.0


class PlainChannel(Channeler):
    """An attach that publishes without confirms on one channel."""

    def __init__(self) -> None:
        super().__init__()
        self._released = False
        self._unsent: deque[Publication] = deque()

    def release(self) -> None:
        """Start to send: the topology is restored."""
        self._released = True

    def hold(self) -> None:
        """Stop sending until `release`: the next broker may not have the topology yet."""
        self._released = False

    def publish(self, publication: Publication) -> None:
        """Send a message. Drop it without a connection, or while the topology is restored."""
        if self.connection is None or not self._released:
            self.counters.dropped += 1
            return
        if self.channel is not None and self.state == ST_ONLINE:
            self._send(publication, self.channel, self.connection.limits.frame_max)
        elif len(self._unsent) < UNSENT_MAX:
            self._unsent.append(publication)
        else:
            self.counters.dropped += 1

    def _send(self, publication: Publication, channel: Channel, frame_max: int) -> None:
        if publication.fits(frame_max):
            publication.send(channel)
        else:
            self.counters.dropped += 1
            self.effects.log(
                LogEvent.MESSAGE_DROPPED,
                f'CoolAMQP has dropped a message: {properties_too_large(frame_max)}',
            )

    def set_up(self) -> Dialogue:
        """Send nothing: the channel needs no set-up."""
        yield from ()

    def on_online(self) -> None:
        """Send the messages that waited for the channel."""
        unsent, self._unsent = self._unsent, deque()
        for publication in unsent:
            self.publish(publication)

    def on_channel_lost(self, cause: Exception | None) -> None:
        """Drop the messages that waited for the channel."""
        self.counters.dropped += len(self._unsent)
        self._unsent.clear()
        super().on_channel_lost(cause)

    def on_return(self, method: BasicReturn, properties: bytes, body: Any) -> None:
        """Report a returned message."""
        self.counters.returned += 1
        self.effects.report(MessageReturned(returned(method, properties, body)))

    def on_channel_closed(self, error: AMQPError | None) -> None:
        """Log the refusal, and open a channel again after a pause."""
        self.counters.refused += 1
        self.go_offline('channel closed')
        self.effects.log(
            LogEvent.PUBLISH_REFUSED,
            f'the broker has refused a message published without confirm: {error}',
            cause=error,
        )
        self.retry_later()

    def on_no_channel(self, error: CoolAMQPError) -> None:
        """Try again later."""
        self.effects.log(
            LogEvent.PUBLISHING_POSTPONED,
            f'nothing can be published now; CoolAMQP tries again: {error}',
            cause=error,
        )
        self.retry_later()


class PlainPublisher(PlainChannel):
    """The attach that publishes without confirms, with another channel for refused exchanges."""

    def __init__(self) -> None:
        super().__init__()
        self._refused: set[bytes] = set()
        self._for_refused = PlainChannel()

    def publish(self, publication: Publication) -> None:
        """Send a message. Drop it without a connection, or while the topology is restored."""
        if self._refused and publication.exchange in self._refused:
            self._for_refused.publish(publication)
        else:
            super().publish(publication)

    def detach(self, cause: Exception | None) -> None:
        """Go offline with both channels, because the connection is lost."""
        super().detach(cause)
        self._for_refused.detach(cause)
        self._for_refused = PlainChannel()
        self._refused.clear()
        self.hold()

    def on_channel_closed(self, error: AMQPError | None) -> None:
        """Open the channel again, at once if the refused exchange is known."""
        exchange = None if error is None else exchange_in(error)
        if exchange is None or exchange in self._refused or self.connection is None:
            super().on_channel_closed(error)
            return
        self.counters.refused += 1
        self.go_offline('channel closed')
        self.effects.log(
            LogEvent.PUBLISH_REFUSED,
            f'the broker has refused a message published without confirm: {error}',
            cause=error,
        )
        self._refused.add(exchange)
        self.timers.after(REFUSED_SECONDS, partial(self._refused.discard, exchange))
        self.open()
        if self._for_refused.connection is None:
            self._for_refused.join(self.effects, self.timers, self.suspects, self.counters)
            self._for_refused.release()
            self._for_refused.attach(self.connection)
