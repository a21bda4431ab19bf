"""The operations of the declarer, and the methods that they consist of."""

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
from coolamqp.objects.retries import binding_after, subjects_before
from coolamqp.objects.topology import Subject, exchange_name, queue_name


@dataclass(eq=False)
class Operation:
    """Methods to call in order.

    :ivar on_done: called once: with None and the last answer after success, with the error and None
        after failure
    :ivar repeatable: whether to resend the operation if the connection is lost before its answer
    :ivar answered: the number of methods that the broker has answered
    """

    methods: list[Method]
    on_done: Callable[[Exception | None, Method | None], None]
    repeatable: bool = True
    answered: int = field(default=0, init=False)


def declare(subject: Subject) -> list[Method]:
    """Return the methods that declare an object. They bind a queue with an exchange, too.

    :raises ValueError: the queue is anonymous; consuming declares it
    :raises TypeError: the object is no queue, exchange or binding
    """
    if isinstance(subject, Exchange):
        return [declare_exchange(subject)]
    if isinstance(subject, Queue):
        name = queue_name(subject)
        return [*before_queue(subject), declare_queue(subject, name), *after_queue(subject, name)]
    if isinstance(subject, (QueueBinding, ExchangeBinding)):
        return [bind(subject)]
    raise TypeError(
        f'only a Queue, Exchange, QueueBind or ExchangeBind can be declared, not {subject!r}; '
        f'make one, with its flags'
    )


def look_up(subject: Subject) -> list[Method]:
    """Return the methods that declare an object passively: they check whether it exists.

    :raises ValueError: the queue is anonymous
    :raises TypeError: the object is no queue or exchange
    """
    if isinstance(subject, Exchange):
        return [ExchangeDeclare(exchange_name(subject), subject.type, passive=True)]
    if isinstance(subject, Queue):
        return [QueueDeclare(queue_name(subject), passive=True)]
    raise TypeError(f'only a Queue or Exchange can be declared passively, not {subject!r}')


def bind(binding: QueueBinding | ExchangeBinding) -> Method:
    """Return the method that makes a binding."""
    if isinstance(binding, QueueBinding):
        return QueueBind(
            binding.queue, binding.exchange, binding.routing_key, arguments=binding.arguments
        )
    return ExchangeBind(
        binding.destination, binding.source, binding.routing_key, arguments=binding.arguments
    )


def unbind(binding: QueueBinding | ExchangeBinding) -> Method:
    """Return the method that removes a binding."""
    if isinstance(binding, QueueBinding):
        return QueueUnbind(binding.queue, binding.exchange, binding.routing_key, binding.arguments)
    return ExchangeUnbind(
        binding.destination, binding.source, binding.routing_key, arguments=binding.arguments
    )


def declare_exchange(exchange: Exchange) -> Method:
    """Return the method that declares an exchange."""
    return ExchangeDeclare(
        exchange_name(exchange),
        exchange.type,
        durable=exchange.durable,
        auto_delete=exchange.auto_delete,
        arguments=exchange.arguments,
    )


def declare_queue(queue: Queue, name: bytes) -> Method:
    """Return the method that declares a queue; for an empty name, the broker chooses one."""
    return QueueDeclare(
        name,
        durable=queue.durable,
        exclusive=queue.exclusive,
        auto_delete=queue.auto_delete,
        arguments=queue.arguments,
    )


def before_queue(queue: Queue) -> list[Method]:
    """Return the methods that declare the exchange of a queue and its retries, if it has them."""
    methods = [method for each in subjects_before(queue) for method in declare(each)]
    if queue.exchange is not None and queue.exchange.name:
        methods.append(declare_exchange(queue.exchange))
    return methods


def after_queue(queue: Queue, name: bytes) -> list[Method]:
    """Return the methods that bind a queue to its exchange and its retries, if it has them."""
    methods = [bind(each) for each in binding_after(queue)]
    if queue.exchange is not None and queue.exchange.name:
        exchange = exchange_name(queue.exchange)
        methods.append(QueueBind(name, exchange, queue.routing_key, arguments=queue.arguments_bind))
    return methods


def delete_queue(queue: Queue | Text, if_unused: bool, if_empty: bool) -> Method:
    """Return the method that deletes a queue."""
    return QueueDelete(queue_name(queue), if_unused=if_unused, if_empty=if_empty)


def delete_exchange(exchange: Exchange | Text, if_unused: bool) -> Method:
    """Return the method that deletes an exchange."""
    return ExchangeDelete(exchange_name(exchange), if_unused=if_unused)


def purge(queue: Queue | Text) -> Method:
    """Return the method that purges a queue."""
    return QueuePurge(queue_name(queue))
