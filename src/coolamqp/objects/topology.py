"""Exchanges, queues and bindings, as descriptions.

To make one sends nothing to the broker; to declare it does.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, ClassVar, Final, TypeAlias

from coolamqp.framing.field_table import Arguments, encode_table, is_typed, table_items
from coolamqp.framing.text import Text, name_bytes, text_bytes
from coolamqp.names import unique_name
from coolamqp.objects.checks import checked_seconds

EXCHANGE_TYPES: Final = (b'direct', b'fanout', b'topic', b'headers')
DEAD_LETTER_EXCHANGE: Final = 'x-dead-letter-exchange'
# The arguments of a quorum queue that loses no message while it dead-letters it
# (https://www.rabbitmq.com/docs/quorum-queues#activating-at-least-once-dead-lettering).
AT_LEAST_ONCE: Final = {'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish'}
# The longest delay of a retry, in seconds: RabbitMQ has 32 bits for a time to live.
DELAY_MAX: Final = 4_294_967
# The length that the name of a queue with retries may have, in bytes; their names are longer.
NAME_WITH_RETRIES_MAX: Final = 230


class Exchange:
    """An exchange.

    :param name: up to 255 bytes; '' is the default exchange
    :param type: b'direct', b'fanout', b'topic', b'headers', or a type of a plugin ('x-...')
    :param durable: whether it survives a restart of the broker
    :param auto_delete: whether the broker deletes it with its last binding
    :param arguments: further arguments, such as ``alternate-exchange``
    :raises ValueError: the name is over 255 bytes or no UTF-8, or the type does not exist
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
        encoded = name_bytes(name, 'exchange name')
        kind = name_bytes(type, 'exchange type')
        if kind not in EXCHANGE_TYPES and not kind.startswith(b'x-'):
            known = ', '.join(each.decode() for each in EXCHANGE_TYPES)
            raise ValueError(
                f'there is no exchange type {kind.decode()!r}; '
                f'there are {known}, and plugin types that begin with "x-"'
            )
        if durable and auto_delete:
            warnings.warn(
                f'exchange {name!r} is durable and auto_delete: it survives a restart of the '
                f'broker, but not the loss of its last binding',
                UserWarning,
                stacklevel=2,
            )
        encode_table(arguments, f'arguments of exchange {name!r}')
        self.name = encoded.decode('utf-8')
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
    """Return the name of an exchange, as bytes; None is the default exchange.

    :raises TypeError: the value is neither an exchange nor a name
    """
    if exchange is None:
        return b''
    if isinstance(exchange, Exchange):
        return exchange.name.encode('utf-8')
    if isinstance(exchange, (str, bytes, bytearray, memoryview)):
        return name_bytes(exchange, 'exchange')
    raise _no_exchange(exchange)


def _no_exchange(given: object) -> TypeError:
    hint = ''
    if isinstance(given, Queue):
        hint = f'; to publish to a queue, give its name as routing_key: {given.name!r}'
    return TypeError(f'exchange must be an Exchange or a name, not {given!r}{hint}')


class Queue:
    """A queue, with the binding that CoolAMQP makes when it declares or consumes the queue.

    :param name: None for an anonymous queue, which the broker names; '' for a unique name at once
    :param durable: whether it survives a restart of the broker
    :param exchange: exchange to bind it to
    :param exclusive: whether only one connection may use it, with which the broker deletes it
    :param auto_delete: whether the broker deletes it with its last consumer
    :param arguments: further arguments, such as ``x-queue-type``
    :param routing_key: routing key of the binding
    :param arguments_bind: arguments of the binding
    :param retry_delays: the delays before the second attempt to handle a message and each later
        one, in seconds. CoolAMQP then declares further exchanges and queues, see
        `coolamqp.objects.ReceivedMessage.retry`. Such a queue must be durable
    :raises ValueError: flags that contradict each other, or a name over 255 bytes or no UTF-8
    :ivar anonymous: whether the broker names it
    :ivar consumer_tag: default tag of its consumers: its name, or a unique one if it is anonymous

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
        *,
        retry_delays: Sequence[float] = (),
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
            name = name_bytes(name, 'queue name') or unique_name()
        self.name: bytes | None = name
        self.durable = durable
        self.exchange = exchange
        self.exclusive = bool(exclusive)
        self.auto_delete = bool(auto_delete)
        self.arguments = arguments
        self.retry_delays = tuple(
            checked_seconds(each, 'a delay', DELAY_MAX) for each in retry_delays
        )
        if self.retry_delays:
            self.arguments = _arguments_for_retries(self)
        self.routing_key = name_bytes(routing_key, 'routing_key')
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


def _arguments_for_retries(queue: Queue) -> Arguments:
    """Return the arguments of a queue with retries: it dead-letters what is rejected.

    :raises ValueError: the queue cannot have retries
    """
    if queue.name is None or not queue.durable or queue.exclusive:
        raise ValueError(
            'retry_delays need a durable queue with a name that is not exclusive: '
            'the messages that wait for their next attempt outlive others'
        )
    if len(queue.name) > NAME_WITH_RETRIES_MAX:
        raise ValueError(
            f'the name of a queue with retry_delays may have {NAME_WITH_RETRIES_MAX} bytes, '
            f'and this has {len(queue.name)}: {queue.name!r}'
        )
    if text_argument(queue, DEAD_LETTER_EXCHANGE) is not None:
        return queue.arguments
    added: dict[str, Any] = {DEAD_LETTER_EXCHANGE: own_dead_letter_exchange(queue.name)}
    is_quorum = text_argument(queue, 'x-queue-type') == b'quorum'
    if is_quorum and text_argument(queue, 'x-overflow') is None:
        added.update(AT_LEAST_ONCE)
    return [*table_items(queue.arguments, 'arguments'), *added.items()]


def own_dead_letter_exchange(queue: bytes) -> bytes:
    """Return the name of the dead-letter exchange, and of the queue, of a queue with retries."""
    return queue + b'.dead'


def text_argument(queue: Queue, name: str) -> bytes | None:
    """Return an argument of a queue that is text; None if the queue does not have it."""
    for each, value in table_items(queue.arguments, 'arguments'):
        if _name_of(each) == name:
            return _plain(value)
    return None


def _name_of(argument: Any) -> str:
    return text_bytes(argument, 'name of an argument').decode()


def _plain(value: Any) -> bytes:
    """Return the text of an argument, without its type letter; empty if it is no text."""
    text = value[0] if is_typed(value) else value
    return text_bytes(text, 'argument') if isinstance(text, (str, bytes)) else b''


def queue_name(queue: Queue | Text) -> bytes:
    """Return the name of a queue, as bytes.

    :raises TypeError: the value is neither a queue nor a name
    :raises ValueError: the queue is anonymous, and has no name that stays the same
    """
    if isinstance(queue, Queue):
        if queue.anonymous or queue.name is None:
            raise ValueError(
                'this needs a queue with a name: consuming declares an anonymous queue, and '
                "Queue('') has a unique name at once"
            )
        return queue.name
    if isinstance(queue, (str, bytes, bytearray, memoryview)):
        return name_bytes(queue, 'queue')
    raise TypeError(f'queue must be a Queue or a name, not {queue!r}')


class QueueBind:
    """A binding of a queue to an exchange; pass each as an object or by name.

    :param queue: the queue that receives the messages
    :param exchange: the exchange that routes them
    :param routing_key: routing key or pattern that a message must have; depends on the type of the
        exchange
    :param arguments: arguments of the binding, for an exchange of type ``headers`` or of a plugin
    :raises TypeError: a value is neither an object nor a name
    :raises ValueError: the queue is anonymous, or a name is over 255 bytes or no UTF-8
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
        self.routing_key = name_bytes(routing_key, 'routing_key')
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
    """A binding of an exchange to another; pass each as an object or by name.

    :param destination: the exchange that receives the messages
    :param source: the exchange that routes them
    :param routing_key: routing key or pattern that a message must have; depends on the type of the
        source
    :param arguments: arguments of the binding, for an exchange of type ``headers`` or of a plugin
    :raises TypeError: a value is neither an exchange nor a name
    :raises ValueError: a name is over 255 bytes or no UTF-8
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
        self.routing_key = name_bytes(routing_key, 'routing_key')
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
