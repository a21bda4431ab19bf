"""The publisher without confirms: it sends a message at once, or drops it."""

from __future__ import annotations

from typing import Any

from coolamqp.attaches.channeler import ST_ONLINE, Channeler, Dialogue
from coolamqp.attaches.events import MessageReturned
from coolamqp.attaches.publication import Publication, properties_too_large
from coolamqp.attaches.returns import returned
from coolamqp.exceptions import AMQPError, CoolAMQPError
from coolamqp.framing.definitions import BasicReturn


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
