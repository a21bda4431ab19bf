"""What comes out of `Cluster.drain`."""

from __future__ import annotations

from coolamqp.objects import ReceivedMessage

__all__ = ['ConnectionLost', 'Event', 'MessageReceived', 'NothingMuch']


class Event:
    """Something that happened."""


class NothingMuch(Event):
    """Nothing happened in the time given."""


class ConnectionLost(Event):
    """The connection was lost; it is being made again."""


class MessageReceived(ReceivedMessage, Event):
    """A message came for a consumer that has no `on_message`."""

    def __init__(self, message: ReceivedMessage) -> None:
        super().__init__(
            message.body,
            message.exchange_name,
            message.routing_key,
            message.properties,
            message.delivery_tag,
            message.ack,
            message.nack,
        )
