"""What may be asked of the declarer: methods to call in order, and who is told of the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from coolamqp.framing.definitions import ExchangeDeclare, QueueBind, QueueDeclare, QueueDelete
from coolamqp.framing.method import Method
from coolamqp.objects import Exchange, Queue
from coolamqp.objects import QueueBind as Binding
from coolamqp.objects.topology import exchange_name, queue_name


@dataclass(eq=False)
class Operation:
    """Methods to be called in order.

    :ivar on_done: told once, of None when the last is answered, or of the error
    """

    methods: list[Method]
    on_done: Callable[[Exception | None], None]
    answered: int = field(default=0, init=False)


def declare(subject: Exchange | Queue | Binding) -> list[Method]:
    """Say how to declare something; a queue with an exchange is bound to it as well.

    :raises ValueError: an anonymous queue, which is declared by consuming it
    :raises TypeError: nothing that can be declared
    """
    if isinstance(subject, Exchange):
        return [declare_exchange(subject)]
    if isinstance(subject, Queue):
        name = queue_name(subject)
        return [*exchange_of(subject), declare_queue(subject, name), *binding_of(subject, name)]
    if isinstance(subject, Binding):
        return [
            QueueBind(
                subject.queue,
                subject.exchange,
                subject.routing_key,
                arguments=subject.arguments,
            )
        ]
    raise TypeError(f'only a Queue, Exchange or QueueBind can be declared, not {subject!r}')


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


def delete_queue(queue: Queue) -> list[Method]:
    """Say how to delete a queue."""
    return [QueueDelete(queue_name(queue))]
