"""What may be asked of the declarer: methods to call in order, and who is told of the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from coolamqp.framing.definitions import (
    ExchangeBind,
    ExchangeDeclare,
    ExchangeDelete,
    ExchangeUnbind,
    QueueBind,
    QueueDeclare,
    QueueDelete,
    QueuePurge,
    QueueUnbind,
)
from coolamqp.framing.method import Method
from coolamqp.framing.text import Text
from coolamqp.objects import Exchange, Queue
from coolamqp.objects import ExchangeBind as ExchangeBinding
from coolamqp.objects import QueueBind as QueueBinding
from coolamqp.objects.topology import Subject, exchange_name, queue_name


@dataclass(eq=False)
class Operation:
    """Methods to be called in order.

    :ivar on_done: told once: of None and the last answer when all are answered, or of the error
    :ivar repeatable: whether doing it again does no harm, if nobody knows whether it was done
    """

    methods: list[Method]
    on_done: Callable[[Exception | None, Method | None], None]
    repeatable: bool = True
    answered: int = field(default=0, init=False)


def declare(subject: Subject) -> list[Method]:
    """Say how to declare something; a queue with an exchange is bound to it as well.

    :raises ValueError: an anonymous queue, which is declared by consuming it
    :raises TypeError: nothing that can be declared
    """
    if isinstance(subject, Exchange):
        return [declare_exchange(subject)]
    if isinstance(subject, Queue):
        name = queue_name(subject)
        return [*exchange_of(subject), declare_queue(subject, name), *binding_of(subject, name)]
    if isinstance(subject, (QueueBinding, ExchangeBinding)):
        return [bind(subject)]
    raise TypeError(
        f'only a Queue, Exchange, QueueBind or ExchangeBind can be declared, not {subject!r}; '
        f'make one, with its flags'
    )


def look_up(subject: Subject) -> list[Method]:
    """Say how to ask whether something is there, without making it.

    :raises ValueError: an anonymous queue
    :raises TypeError: neither a queue nor an exchange
    """
    if isinstance(subject, Exchange):
        return [ExchangeDeclare(exchange_name(subject), subject.type, passive=True)]
    if isinstance(subject, Queue):
        return [QueueDeclare(queue_name(subject), passive=True)]
    raise TypeError(f'only a Queue or Exchange can be declared passively, not {subject!r}')


def bind(binding: QueueBinding | ExchangeBinding) -> Method:
    """Say how to make a binding."""
    if isinstance(binding, QueueBinding):
        return QueueBind(
            binding.queue, binding.exchange, binding.routing_key, arguments=binding.arguments
        )
    return ExchangeBind(
        binding.destination, binding.source, binding.routing_key, arguments=binding.arguments
    )


def unbind(binding: QueueBinding | ExchangeBinding) -> Method:
    """Say how to undo a binding."""
    if isinstance(binding, QueueBinding):
        return QueueUnbind(binding.queue, binding.exchange, binding.routing_key, binding.arguments)
    return ExchangeUnbind(
        binding.destination, binding.source, binding.routing_key, arguments=binding.arguments
    )


def declare_exchange(exchange: Exchange) -> Method:
    """Say how to declare an exchange."""
    return ExchangeDeclare(
        exchange_name(exchange),
        exchange.type,
        durable=exchange.durable,
        auto_delete=exchange.auto_delete,
        arguments=exchange.arguments,
    )


def declare_queue(queue: Queue, name: bytes) -> Method:
    """Say how to declare a queue, under a name that is empty if the broker is to choose."""
    return QueueDeclare(
        name,
        durable=queue.durable,
        exclusive=queue.exclusive,
        auto_delete=queue.auto_delete,
        arguments=queue.arguments,
    )


def exchange_of(queue: Queue) -> list[Method]:
    """Say how to declare the exchange that a queue names, if it does; '' is always there."""
    if queue.exchange is None or not queue.exchange.name:
        return []
    return [declare_exchange(queue.exchange)]


def binding_of(queue: Queue, name: bytes) -> list[Method]:
    """Say how to make the binding that a queue describes; RabbitMQ makes those of '' itself."""
    if queue.exchange is None or not queue.exchange.name:
        return []
    exchange = exchange_name(queue.exchange)
    return [QueueBind(name, exchange, queue.routing_key, arguments=queue.arguments_bind)]


def delete_queue(queue: Queue | Text, if_unused: bool, if_empty: bool) -> Method:
    """Say how to delete a queue."""
    return QueueDelete(queue_name(queue), if_unused=if_unused, if_empty=if_empty)


def delete_exchange(exchange: Exchange | Text, if_unused: bool) -> Method:
    """Say how to delete an exchange."""
    return ExchangeDelete(exchange_name(exchange), if_unused=if_unused)


def purge(queue: Queue | Text) -> Method:
    """Say how to take all messages out of a queue."""
    return QueuePurge(queue_name(queue))
