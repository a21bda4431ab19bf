"""What happens to a Cluster, as events for `Cluster.drain` and `Cluster.on_event`."""

from __future__ import annotations

from typing import Any

from coolamqp.attaches.consumer import Consumer
from coolamqp.framing.text import Text
from coolamqp.objects import Message, NodeDefinition, ReceivedMessage
from coolamqp.objects.message import Settlement

__all__ = [
    'ConnectionEstablished',
    'ConnectionLost',
    'ConsumerCancelled',
    'Event',
    'MessageReceived',
    'NothingMuch',
    'TopologyFailed',
    'TopologyRestored',
]


class Event:
    """Something that happened."""

    def __repr__(self) -> str:
        told = ', '.join(f'{name}={value!r}' for name, value in vars(self).items())
        return f'{type(self).__name__}({told})'


class NothingMuch(Event):
    """Nothing happened in the time given."""


class ConnectionEstablished(Event):
    """There is a connection; what was set up before is being restored.

    :ivar node: the node that it goes to
    """

    def __init__(self, node: NodeDefinition) -> None:
        self.node = node


class ConnectionLost(Event):
    """The connection was lost; it is being made again.

    :ivar node: the node that it went to
    :ivar cause: why it was lost
    """

    def __init__(self, node: NodeDefinition | None = None, cause: Exception | None = None) -> None:
        self.node = node
        self.cause = cause


class TopologyRestored(Event):
    """Topology and consumers are in place; publishing goes on.

    :ivar node: the node on which they are
    """

    def __init__(self, node: NodeDefinition) -> None:
        self.node = node


class TopologyFailed(Event):
    """Something that was declared as persistent could not be declared again.

    :ivar object: the queue, exchange or binding
    :ivar error: why
    """

    def __init__(self, object: Any, error: BaseException) -> None:  # noqa: A002 - what it is
        self.object = object
        self.error = error


class ConsumerCancelled(Event):
    """A consumer has ended, for good.

    :ivar consumer: the consumer
    :ivar reason: why; None because the program wished it
    """

    def __init__(self, consumer: Consumer, reason: Exception | None) -> None:
        self.consumer = consumer
        self.reason = reason


class MessageReceived(ReceivedMessage, Event):
    """A message came for a consumer that has no `on_message`.

    :param message: the message; what is read of this, or told to the broker, is its
    """

    def __init__(self, message: ReceivedMessage) -> None:
        super().__init__(message.body, None, None, message.properties, message.delivery_tag)
        self._message = message
        self.acked = message.acked

    def __getattr__(self, name: str) -> Any:
        if name == '_message':  # of a copy that is only being made
            raise AttributeError(name)
        return getattr(self._message, name)

    __repr__ = ReceivedMessage.__repr__

    @property
    def redelivered(self) -> bool:
        """Whether the broker may have delivered this message before."""
        return self._message.redelivered

    @property
    def consumer_tag(self) -> Text | None:
        """The tag of the consumer that it was delivered to."""
        return self._message.consumer_tag

    def _find_exchange_name(self) -> Text:
        return self._message.exchange_name

    def _find_routing_key(self) -> Text:
        return self._message.routing_key

    def _settle(self, how: Settlement, multiple: bool) -> None:
        self._message._settle(how, multiple)  # noqa: SLF001 - it stands for it
        self._message._settled = True  # noqa: SLF001

    def _publish_reply(self, answer: Message, routing_key: bytes) -> Any:
        return self._message._publish_reply(answer, routing_key)  # noqa: SLF001 - it stands for it
