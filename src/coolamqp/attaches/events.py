"""Events: reports of changes of the connection, the topology or a consumer.

The engine creates them. `Cluster.drain` and `Cluster.on_event` pass the events in `__all__` on to
programs. `coolamqp.api.reporter` turns the others into log records and calls of hooks.
"""

from __future__ import annotations

from copy import copy
from typing import Any

from coolamqp.exceptions import AMQPError, Returned
from coolamqp.framing.text import ReceivedBytes
from coolamqp.objects import Message, NodeDefinition, ReceivedMessage, ServerProperties
from coolamqp.objects.message import Parts, Settlement

__all__ = [
    'ConnectionEstablished',
    'ConnectionLost',
    'ConsumerCancelled',
    'ConsumerCancelledByBroker',
    'Event',
    'MessageReceived',
    'NothingMuch',
    'TopologyFailed',
    'TopologyRestored',
]


class Event:
    """The base of all events."""

    def __repr__(self) -> str:
        shown = ', '.join(f'{name}={value!r}' for name, value in vars(self).items())
        return f'{type(self).__name__}({shown})'


# For programs


class NothingMuch(Event):
    """Nothing happened within the timeout."""


class ConnectionEstablished(Event):
    """A new connection is open. CoolAMQP now restores the topology and the consumers.

    :ivar node: the node of the connection
    :ivar properties: the server properties of the broker
    """

    def __init__(self, node: NodeDefinition, properties: ServerProperties | None = None) -> None:
        self.node = node
        self.properties = properties


class ConnectionLost(Event):
    """The connection is lost. CoolAMQP now reconnects.

    :ivar node: the node of the connection
    :ivar cause: the error that ended the connection
    """

    def __init__(self, node: NodeDefinition | None = None, cause: Exception | None = None) -> None:
        self.node = node
        self.cause = cause


class TopologyRestored(Event):
    """Topology and consumers are in place. CoolAMQP now publishes again.

    :ivar node: the node of the connection
    """

    def __init__(self, node: NodeDefinition) -> None:
        self.node = node


class TopologyFailed(Event):
    """The broker has refused a persistent declaration after a reconnect.

    If another connection has locked the object, CoolAMQP tries again until it is free, and then
    reports `TopologyRestored`.

    :ivar object: the queue, exchange or binding
    :ivar error: the error of the broker
    """

    def __init__(self, object: Any, error: BaseException) -> None:  # noqa: A002 - a public name
        self.object = object
        self.error = error


class ConsumerCancelled(Event):
    """A consumer has ended for good.

    :ivar consumer: the `Consumer`
    :ivar reason: the error that ended it; None if the program or the shutdown cancelled it
    """

    def __init__(self, consumer: Any, reason: Exception | None) -> None:
        self.consumer = consumer
        self.reason = reason


class ConsumerCancelledByBroker(Event):
    """The broker has ended a consumer, and CoolAMQP consumes again.

    Without a reason, the queue was deleted, its node is down, or a message was unsettled for too
    long (RabbitMQ 4.3). The messages in a deleted queue are lost. CoolAMQP declares the queue
    again, with its persistent bindings. A consumer that does not declare its queue waits until
    others have done so.

    With a reason, the broker has closed the channel of the consumer, for instance because a message
    was unsettled for too long (https://www.rabbitmq.com/docs/consumers#acknowledgement-timeout).
    The broker has requeued its messages.

    :ivar consumer: the `Consumer`
    :ivar reason: the error of the broker; None if the broker gives none
    """

    def __init__(self, consumer: Any, reason: AMQPError | None) -> None:
        self.consumer = consumer
        self.reason = reason


class MessageReceived(ReceivedMessage, Event):
    """A message for a consumer without `on_message`. It has the API of `ReceivedMessage`.

    :param message: the message from the broker
    """

    def __init__(self, message: ReceivedMessage) -> None:
        super().__init__(message.body, None, None, message.properties, message.delivery_tag)
        self._message = message
        self.acked = message.acked

    def __getattr__(self, name: str) -> Any:
        if name == '_message':  # `copy` looks for it before it is set
            raise AttributeError(name)
        return getattr(self._message, name)

    __repr__ = ReceivedMessage.__repr__

    @property
    def redelivered(self) -> bool:
        """Whether the broker may have delivered this message before."""
        return self._message.redelivered

    @property
    def consumer_tag(self) -> ReceivedBytes | None:
        """The tag of the consumer that received the message."""
        return self._message.consumer_tag

    def __reduce__(self) -> Parts:
        make, (cls, attributes) = super().__reduce__()
        attributes['_message'] = copy(self._message)
        return make, (cls, attributes)

    def _find_exchange_name(self) -> ReceivedBytes:
        return self._message.exchange_name

    def _find_routing_key(self) -> ReceivedBytes:
        return self._message.routing_key

    def _settle(self, how: Settlement, multiple: bool) -> bool:
        return self._message._settle_once(how, multiple)  # noqa: SLF001 - it wraps this message

    def _retry(self, reason: str) -> bool:
        return self._message.retry(reason)

    def _publish_reply(self, answer: Message, routing_key: bytes) -> Any:
        return self._message._publish_reply(answer, routing_key)  # noqa: SLF001


# For the log and for hooks


class ConnectionFailed(Event):
    """CoolAMQP could not connect to a node.

    :ivar node: the node
    :ivar cause: the error
    :ivar retry_in: the pause before the next try, in seconds
    """

    def __init__(self, node: NodeDefinition, cause: Exception, retry_in: float) -> None:
        self.node = node
        self.cause = cause
        self.retry_in = retry_in


class AllNodesRefused(Event):
    """All nodes have refused the login, the virtual host or TLS. A new try would not help.

    :ivar causes: each node with its error
    """

    def __init__(self, causes: list[tuple[NodeDefinition, Exception]]) -> None:
        self.causes = causes


class ConnectionBlocked(Event):
    """The broker blocks the connection (https://www.rabbitmq.com/docs/connection-blocked).

    :ivar reason: the reason that the broker gives
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason


class ConnectionUnblocked(Event):
    """The broker does not block the connection any more."""


class MessageReturned(Event):
    """The broker has returned a mandatory message that was published without a confirm.

    :ivar error: the message, with the reply code and the reply text of the broker
    """

    def __init__(self, error: Returned) -> None:
        self.error = error


class ClusterStopped(Event):
    """The engine has stopped, and makes no more connections."""
