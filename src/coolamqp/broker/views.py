"""The views that a broker returns of messages, queues and connections, and the topology as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from coolamqp.broker.base_queue import BaseQueue
from coolamqp.broker.connection import BrokerConnection
from coolamqp.broker.errors import shown
from coolamqp.broker.exchange import Exchange
from coolamqp.broker.message import BrokerMessage
from coolamqp.broker.queue import Queue
from coolamqp.broker.vhost import PREDECLARED, VirtualHost
from coolamqp.framing.field_table import plain_table
from coolamqp.framing.properties import ReceivedProperties

# How many bytes of a body a description shows.
_SHOWN_BYTES: Final = 60


@dataclass(frozen=True)
class SeenMessage:
    """A message that a client has published, or that is in a queue.

    :ivar exchange: the exchange to which it was published; empty for the default exchange. A dead
        letter has the dead-letter exchange
    :ivar routing_key: its routing key
    :ivar body: its body
    :ivar properties: its properties, as a consumer sees them
    """

    exchange: str
    routing_key: str
    body: bytes
    properties: ReceivedProperties

    @property
    def headers(self) -> dict[str, Any]:
        """The headers as a dict of plain values; empty if there are none."""
        return plain_table(self.properties.headers or [])


@dataclass(frozen=True)
class QueueView:
    """A queue at one moment. Its `len` is the number of ready messages.

    :ivar name: its name
    :ivar messages: the ready messages, in order
    :ivar unacked: the number of unacknowledged messages; 0 for a stream
    :ivar consumers: the consumer tags
    :ivar durable: whether it survives a restart of the broker
    :ivar exclusive: whether it belongs to one connection
    :ivar auto_delete: whether the broker deletes it with its last consumer
    :ivar arguments: the arguments of its declaration, as plain values
    :ivar kind: the queue type: `classic`, `quorum` or `stream`
    """

    name: str
    messages: list[SeenMessage]
    unacked: int
    consumers: list[str]
    durable: bool
    exclusive: bool
    auto_delete: bool
    arguments: dict[str, Any]
    kind: str

    @property
    def bodies(self) -> list[bytes]:
        """The bodies of the ready messages."""
        return [message.body for message in self.messages]

    @property
    def is_empty(self) -> bool:
        """Whether the queue has no message, neither ready nor unacknowledged."""
        return not self.messages and not self.unacked

    def __len__(self) -> int:
        return len(self.messages)


@dataclass(frozen=True)
class QueueCounts:
    """The counts of a queue at one moment. A restart of the broker may set the counters to 0.

    :ivar vhost: the virtual host of the queue
    :ivar name: the name of the queue
    :ivar kind: the queue type: `classic`, `quorum` or `stream`
    :ivar ready: the number of ready messages
    :ivar unacked: the number of unacknowledged messages; 0 for a stream
    :ivar consumers: the number of consumers
    :ivar published: counter of the messages that have come into the queue
    :ivar delivered: counter of the messages that consumers and `basic.get` have received,
        redeliveries included
    """

    vhost: str
    name: str
    kind: str
    ready: int
    unacked: int
    consumers: int
    published: int
    delivered: int


@dataclass(frozen=True)
class ConnectionView:
    """A connection at one moment.

    :ivar name: the client property `connection_name`, else `product`, else `a client`
    :ivar properties: the client properties, as plain values
    :ivar peer: the address of the client, as host:port
    :ivar user: the user; empty until the connection is open
    :ivar vhost: the virtual host; empty until the connection is open
    :ivar channels: the numbers of the open channels
    """

    name: str
    properties: dict[str, Any]
    peer: str
    user: str
    vhost: str
    channels: list[int]


def see_message(message: BrokerMessage) -> SeenMessage:
    """Return the view of a message."""
    return SeenMessage(
        shown(message.exchange), shown(message.routing_key), message.body, message.decoded
    )


def see_queue(queue: BaseQueue) -> QueueView:
    """Return the view of a queue."""
    return QueueView(
        name=shown(queue.name),
        messages=[see_message(message) for message in queue.messages()],
        unacked=_unacked_count(queue),
        consumers=[shown(consumer.tag) for consumer in queue.consumers],
        durable=queue.durable,
        exclusive=queue.owner is not None,
        auto_delete=queue.auto_delete,
        arguments=plain_table(list(queue.arguments.items())),
        kind=queue.kind,
    )


def count_queue(vhost: VirtualHost, queue: BaseQueue) -> QueueCounts:
    """Return the counts of a queue."""
    return QueueCounts(
        vhost=vhost.name,
        name=shown(queue.name),
        kind=queue.kind,
        ready=queue.message_count,
        unacked=_unacked_count(queue),
        consumers=len(queue.consumers),
        published=queue.published,
        delivered=queue.delivered,
    )


def _unacked_count(queue: BaseQueue) -> int:
    return len(queue.unacked) if isinstance(queue, Queue) else 0


def see_connection(connection: BrokerConnection) -> ConnectionView:
    """Return the view of a connection."""
    session = connection.session
    is_open = session.is_open
    return ConnectionView(
        name=connection.client_name,
        properties=connection.handshake.client_properties,
        peer=connection.peer,
        user=session.user.name if is_open else '',
        vhost=session.vhost.name if is_open else '',
        channels=sorted(channel.number for channel in connection.channels),
    )


def describe_message(message: SeenMessage) -> str:
    """Return a message as one line, with the first 60 bytes of its body."""
    body = repr(message.body[:_SHOWN_BYTES]) + ('...' if len(message.body) > _SHOWN_BYTES else '')
    return f'exchange {message.exchange!r}, routing key {message.routing_key!r}: {body}'


def describe(vhost: VirtualHost) -> str:
    """Return exchanges, bindings and queues as text, with the bindings below their exchange."""
    lines = []
    for exchange in vhost.exchanges.values():
        if exchange.name not in PREDECLARED or exchange.bindings:
            lines.append(_describe_exchange(exchange))
            lines += [f'  {line}' for line in _describe_bindings(exchange)]
    lines += [_describe_queue(queue) for queue in vhost.queues.values()]
    return '\n'.join(lines)


def _describe_exchange(exchange: Exchange) -> str:
    flags = [name for name in ('durable', 'auto_delete', 'internal') if getattr(exchange, name)]
    return f'exchange {shown(exchange.name)!r} ({", ".join([exchange.type_, *flags])})'


def _describe_bindings(exchange: Exchange) -> Iterator[str]:
    for binding in exchange.bindings.values():
        target = binding.destination
        kind = 'exchange' if isinstance(target, Exchange) else 'queue'
        arguments = plain_table(list(binding.arguments.items()))
        extra = f' {arguments}' if arguments else ''
        yield f'{shown(binding.routing_key)!r} -> {kind} {shown(target.name)!r}{extra}'


def _describe_queue(queue: BaseQueue) -> str:
    view = see_queue(queue)
    flags = [name for name in ('durable', 'exclusive', 'auto_delete') if getattr(view, name)]
    return (
        f'queue {view.name!r} ({", ".join([view.kind, *flags])}): {len(view)} ready, '
        f'{view.unacked} unacked, {len(view.consumers)} consumers'
    )
