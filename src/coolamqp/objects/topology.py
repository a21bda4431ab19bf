"""Exchanges, queues and the bindings between them, as descriptions.

Making one asks nothing of the broker; declaring it does.
"""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Final, TypeAlias

from coolamqp.framing.field_table import Arguments, encode_table
from coolamqp.framing.text import Text, short_bytes
from coolamqp.names import unique_name

EXCHANGE_TYPES: Final = (b'direct', b'fanout', b'topic', b'headers')


class Exchange:
    """An exchange.

    :param name: up to 255 bytes; '' is the default exchange
    :param type: b'direct', b'fanout', b'topic', b'headers', or what a plugin brings ('x-...')
    :param durable: whether it outlives a restart of the broker
    :param auto_delete: whether it is deleted with its last binding
    :param arguments: what RabbitMQ takes further, such as ``alternate-exchange``
    :raises ValueError: the name is too long, or there is no such type
    :ivar direct: the default exchange, an attribute of the class

    >>> logs = Exchange('logs', b'fanout')
    """

    direct: ClassVar[Exchange]

    def __init__(
        self,
        name: Text = '',
        type: Text = b'direct',  # noqa: A002 - the protocol's own word, and existing programs use it
        durable: bool = True,
        auto_delete: bool = False,
        arguments: Arguments = None,
    ) -> None:
        encoded = short_bytes(name, 'exchange name')
        kind = short_bytes(type, 'exchange type')
        if kind not in EXCHANGE_TYPES and not kind.startswith(b'x-'):
            known = ', '.join(each.decode() for each in EXCHANGE_TYPES)
            raise ValueError(
                f'there is no exchange type {kind.decode(errors="replace")!r}; '
                f'there are {known}, and plugin types that begin with "x-"'
            )
        if durable and auto_delete:
            warnings.warn(
                f'exchange {name!r} is durable and auto_delete: it outlives the broker, '
                f'but not its last binding',
                UserWarning,
                stacklevel=2,
            )
        encode_table(arguments, f'arguments of exchange {name!r}')
        self.name = encoded.decode('utf-8', 'surrogateescape')
        self.type = kind
        self.durable = durable
        self.auto_delete = auto_delete
        self.arguments = arguments

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Exchange):
            return NotImplemented
        return self.name == other.name and self.type == other.type

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'Exchange({self.name!r}, {self.type!r}, durable={self.durable})'


Exchange.direct = Exchange()


def exchange_name(exchange: Exchange | Text | None) -> bytes:
    """Give the name of an exchange, as bytes; None is the default exchange.

    :raises TypeError: it is neither an exchange nor a name
    """
    if exchange is None:
        return b''
    if isinstance(exchange, Exchange):
        return exchange.name.encode('utf-8', 'surrogateescape')
    if isinstance(exchange, (str, bytes, bytearray, memoryview)):
        return short_bytes(exchange, 'exchange')
    raise _no_exchange(exchange)


def _no_exchange(given: object) -> TypeError:
    hint = ''
    if isinstance(given, Queue):
        hint = f'; to publish to a queue, give its name as routing_key: {given.name!r}'
    return TypeError(f'exchange must be an Exchange or a name, not {given!r}{hint}')


class Queue:
    """A queue, with the binding that consuming or declaring it makes.

    :param name: None for an anonymous queue, which the broker names; '' for a name made now
    :param durable: whether it outlives a restart of the broker
    :param exchange: exchange to bind it to
    :param exclusive: whether it belongs to this connection and ends with it
    :param auto_delete: whether it is deleted with its last consumer
    :param arguments: what RabbitMQ takes further, such as ``x-queue-type``
    :param routing_key: of the binding
    :param arguments_bind: arguments of the binding
    :raises ValueError: flags that contradict each other, or a name over 255 bytes
    :ivar anonymous: whether the broker names it
    :ivar consumer_tag: the tag of consumers that are given none: the name, or a UUID if anonymous

    >>> jobs = Queue('jobs', durable=True)
    """

    def __init__(
        self,
        name: Text | None = None,
        durable: bool = False,
        exchange: Exchange | None = None,
        exclusive: bool | None = None,
        auto_delete: bool | None = None,
        arguments: Arguments = None,
        routing_key: Text = b'',
        arguments_bind: Arguments = None,
    ) -> None:
        self.anonymous = name is None
        if self.anonymous:
            exclusive, auto_delete = _check_anonymous(durable, exclusive, auto_delete)
        elif durable and auto_delete:
            raise ValueError(
                f'queue {name!r} is asked to be durable and auto_delete: one keeps it, '
                f'the other deletes it; ask for one of them'
            )
        if exchange is not None and not isinstance(exchange, Exchange):
            raise TypeError(f'exchange must be an Exchange, not {exchange!r}')
        encode_table(arguments, f'arguments of queue {name!r}')
        encode_table(arguments_bind, f'arguments_bind of queue {name!r}')
        if name is not None:
            name = short_bytes(name, 'queue name') or unique_name()
        self.name: bytes | None = name
        self.durable = durable
        self.exchange = exchange
        self.exclusive = bool(exclusive)
        self.auto_delete = bool(auto_delete)
        self.arguments = arguments
        self.routing_key = short_bytes(routing_key, 'routing_key')
        self.arguments_bind = arguments_bind
        self.consumer_tag = self.name or unique_name()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Queue):
            return NotImplemented
        return self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'Queue({self.name!r}, durable={self.durable}, exclusive={self.exclusive})'


def _check_anonymous(
    durable: bool, exclusive: bool | None, auto_delete: bool | None
) -> tuple[bool, bool]:
    if durable or auto_delete is False:
        what = 'durable' if durable else 'kept when its last consumer goes (auto_delete=False)'
        raise ValueError(
            f'a queue without a name cannot be {what}: nobody could find it again; give it a name'
        )
    if exclusive is False:
        warnings.warn(
            'an anonymous queue that is not exclusive is deprecated by RabbitMQ; '
            'leave exclusive out, or give the queue a name',
            DeprecationWarning,
            stacklevel=3,
        )
    return exclusive is not False, True


def queue_name(queue: Queue | Text) -> bytes:
    """Give the name of a queue, as bytes.

    :raises TypeError: it is neither a queue nor a name
    :raises ValueError: it is an anonymous queue, which has no name that would stay
    """
    if isinstance(queue, Queue):
        if queue.anonymous or queue.name is None:
            raise ValueError(
                'this needs a queue with a name: an anonymous queue is declared by consuming it; '
                "Queue('') has a name made up at once"
            )
        return queue.name
    if isinstance(queue, (str, bytes, bytearray, memoryview)):
        return short_bytes(queue, 'queue')
    raise TypeError(f'queue must be a Queue or a name, not {queue!r}')


class QueueBind:
    """A binding of a queue to an exchange; each is given as an object or by name.

    :param queue: the queue that gets the messages
    :param exchange: the exchange that they come from
    :param routing_key: what their routing key must be, or be like; the exchange's type says how
    :param arguments: what an exchange of type ``headers`` or of a plugin goes by
    :raises TypeError: it is neither
    :raises ValueError: an anonymous queue, or a name over 255 bytes
    """

    def __init__(
        self,
        queue: Queue | Text,
        exchange: Exchange | Text,
        routing_key: Text,
        arguments: Arguments = None,
    ) -> None:
        self.queue = queue_name(queue)
        self.exchange = exchange_name(exchange)
        self.routing_key = short_bytes(routing_key, 'routing_key')
        self.arguments = arguments
        self._encoded_arguments = encode_table(arguments, 'arguments of a binding')

    def _key(self) -> tuple[Any, ...]:
        return self.queue, self.exchange, self.routing_key, self._encoded_arguments

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, QueueBind):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f'QueueBind({self.queue!r}, {self.exchange!r}, {self.routing_key!r})'


class ExchangeBind:
    """A binding of an exchange to another; each is given as an object or by name.

    :param destination: the exchange that gets the messages
    :param source: the exchange that they come from
    :param routing_key: what their routing key must be, or be like
    :param arguments: what an exchange of type ``headers`` or of a plugin goes by
    :raises TypeError: it is neither an exchange nor a name
    :raises ValueError: a name over 255 bytes
    """

    def __init__(
        self,
        destination: Exchange | Text,
        source: Exchange | Text,
        routing_key: Text = b'',
        arguments: Arguments = None,
    ) -> None:
        self.destination = exchange_name(destination)
        self.source = exchange_name(source)
        self.routing_key = short_bytes(routing_key, 'routing_key')
        self.arguments = arguments
        self._encoded_arguments = encode_table(arguments, 'arguments of a binding')

    def _key(self) -> tuple[Any, ...]:
        return self.destination, self.source, self.routing_key, self._encoded_arguments

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ExchangeBind):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f'ExchangeBind({self.destination!r}, {self.source!r}, {self.routing_key!r})'


Subject: TypeAlias = Exchange | Queue | QueueBind | ExchangeBind
