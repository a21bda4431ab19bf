"""Events: everything that happens to a Cluster, under one name for engine, log and programs.

The engine reports them. `Cluster.drain` and `Cluster.on_event` pass those in `__all__` on to
programs; the others become log lines and calls of hooks, see `coolamqp.api.reporter`.
"""

from __future__ import annotations

from typing import Any

from coolamqp.exceptions import Returned
from coolamqp.framing.text import Text
from coolamqp.objects import Message, NodeDefinition, ReceivedMessage, ServerProperties
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
        shown = ', '.join(f'{name}={value!r}' for name, value in vars(self).items())
        return f'{type(self).__name__}({shown})'


# For programs


class NothingMuch(Event):
    """Nothing happened within the timeout."""


class ConnectionEstablished(Event):
    """There is a connection. CoolAMQP is restoring the topology and the consumers on it.

    :ivar node: the node at its other end
    :ivar properties: the broker's description of itself
    """

    def __init__(self, node: NodeDefinition, properties: ServerProperties | None = None) -> None:
        self.node = node
        self.properties = properties


class ConnectionLost(Event):
    """The connection was lost. CoolAMQP is connecting again.

    :ivar node: the node at its other end
    :ivar cause: why it was lost
    """

    def __init__(self, node: NodeDefinition | None = None, cause: Exception | None = None) -> None:
        self.node = node
        self.cause = cause


class TopologyRestored(Event):
    """Topology and consumers are in place, and publishing goes on.

    :ivar node: the node that has them
    """

    def __init__(self, node: NodeDefinition) -> None:
        self.node = node


class TopologyFailed(Event):
    """The broker refused to declare a persistent object again.

    :ivar object: the queue, exchange or binding
    :ivar error: why
    """

    def __init__(self, object: Any, error: BaseException) -> None:  # noqa: A002 - what it is
        self.object = object
        self.error = error


class ConsumerCancelled(Event):
    """A consumer has ended for good.

    :ivar consumer: the `Consumer`
    :ivar reason: the error that ended it; None if the program cancelled it
    """

    def __init__(self, consumer: Any, reason: Exception | None) -> None:
        self.consumer = consumer
        self.reason = reason


class MessageReceived(ReceivedMessage, Event):
    """A message came for a consumer that has no `on_message`.

    :param message: the message that this event stands for
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


# For the log and for hooks


class ConnectionFailed(Event):
    """A try to connect failed.

    :ivar node: the node that was tried
    :ivar cause: why it failed
    :ivar retry_in: seconds until the next try
    """

    def __init__(self, node: NodeDefinition, cause: Exception, retry_in: float) -> None:
        self.node = node
        self.cause = cause
        self.retry_in = retry_in


class AllNodesRefused(Event):
    """Each node refused us in the first round, for a reason that waiting does not mend.

    :ivar causes: each node with the reason
    """

    def __init__(self, causes: list[tuple[NodeDefinition, Exception]]) -> None:
        self.causes = causes


class ConnectionBlocked(Event):
    """The broker stops taking messages, see https://www.rabbitmq.com/docs/connection-blocked.

    :ivar reason: the broker's reason
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason


class ConnectionUnblocked(Event):
    """The broker takes messages again."""


class MessageReturned(Event):
    """A mandatory message that was published without a confirm came back.

    :ivar error: holds the message, and the broker's code and text
    """

    def __init__(self, error: Returned) -> None:
        self.error = error


class ClusterStopped(Event):
    """The engine has ended."""
