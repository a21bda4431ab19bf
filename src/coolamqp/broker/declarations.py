"""Declarations, bindings and deletions, with the checks and the error texts of RabbitMQ."""

from __future__ import annotations

from typing import Final

from coolamqp.broker.arguments import (
    NamedArguments,
    check_all_same,
    check_same_flag,
    check_string,
    inequivalent,
    named,
)
from coolamqp.broker.base_queue import BaseQueue, QueueDefinition, QueueOwner
from coolamqp.broker.errors import Refusal, shown
from coolamqp.broker.exchange import (
    TYPES,
    Binding,
    Destination,
    Exchange,
    ExchangeDefinition,
)
from coolamqp.broker.queue_kinds import make_queue
from coolamqp.broker.queue_options import (
    CHECKED,
    CLASSIC,
    KIND_ARGUMENT,
    QUORUM,
    STREAM,
    check_arguments,
)
from coolamqp.broker.routing import DEFAULT_EXCHANGE
from coolamqp.broker.vhost import VirtualHost
from coolamqp.framing.definitions import ExchangeDeclare, QueueDeclare, QueueDelete
from coolamqp.framing.field_table import Arguments
from coolamqp.framing.text import text_bytes
from coolamqp.reply_codes import (
    ACCESS_REFUSED,
    NOT_IMPLEMENTED,
    PRECONDITION_FAILED,
    RESOURCE_LOCKED,
)

RESERVED_PREFIX: Final = b'amq.'


def declare_exchange(vhost: VirtualHost, name: bytes, declared: ExchangeDeclare) -> None:
    """Declare an exchange, or check that the existing one is the same.

    :raises Refusal: the type is unknown, the name is reserved, or the existing one differs
    """
    type_ = check_type(declared)
    arguments = named(declared.arguments)
    exchange = vhost.exchanges.get(name)
    if exchange is not None:
        _check_same_exchange(vhost, exchange, type_, declared, arguments)
        return
    _check_name('exchange', name)
    check_string('alternate-exchange', arguments, vhost.where('exchange', name))
    definition = ExchangeDefinition(
        name, arguments, declared.durable, declared.auto_delete, declared.internal
    )
    vhost.add_exchange(TYPES[type_](definition))


def check_type(declared: ExchangeDeclare) -> str:
    """Return the type of an exchange.

    :raises Refusal: there is no such type
    """
    type_ = shown(text_bytes(declared.type_, 'type'))
    if type_ not in TYPES:
        what = 'unknown' if type_ else 'invalid'
        raise Refusal(PRECONDITION_FAILED, f"{what} exchange type '{type_}'")
    return type_


def _check_same_exchange(
    vhost: VirtualHost,
    exchange: Exchange,
    type_: str,
    declared: ExchangeDeclare,
    arguments: NamedArguments,
) -> None:
    where = vhost.where('exchange', exchange.name)
    if exchange.type_ != type_:
        raise inequivalent('type', type_, exchange.type_, where)
    check_same_flag('durable', exchange.durable, declared.durable, where)
    check_same_flag('auto_delete', exchange.auto_delete, declared.auto_delete, where)
    check_same_flag('internal', exchange.internal, declared.internal, where)
    check_all_same((b'alternate-exchange',), exchange.arguments, arguments, where)


def delete_exchange(vhost: VirtualHost, name: bytes, if_unused: bool) -> None:
    """Delete an exchange; without effect if there is none.

    :raises Refusal: it is in use
    """
    exchange = vhost.exchanges.get(name)
    if exchange is None:
        return
    if if_unused and exchange.bindings:
        raise Refusal(PRECONDITION_FAILED, f'{vhost.where("exchange", name)} in use')
    vhost.delete_exchange(exchange)


def check_not_system(vhost: VirtualHost, name: bytes) -> None:
    """Check that an exchange is not a predeclared one (its name begins with `amq.`).

    :raises Refusal: it is predeclared
    """
    if name.startswith(RESERVED_PREFIX):
        where = vhost.where('exchange', name)
        raise Refusal(ACCESS_REFUSED, f'deletion of system {where} not allowed')


def check_not_default(name: bytes) -> None:
    """Check that an exchange is not the default exchange.

    :raises Refusal: it is the default exchange
    """
    if name == DEFAULT_EXCHANGE:
        raise Refusal(ACCESS_REFUSED, 'operation not permitted on the default exchange')


def _check_name(kind: str, name: bytes) -> None:
    if name.startswith(RESERVED_PREFIX):
        raise Refusal(
            ACCESS_REFUSED, f"{kind} name '{shown(name)}' contains reserved prefix 'amq.*'"
        )


# Queues


def check_queue_name(name: bytes) -> None:
    """Check that a queue name does not begin with the reserved prefix `amq.`.

    :raises Refusal: it does
    """
    _check_name('queue', name)


def declare_queue(
    vhost: VirtualHost, name: bytes, declared: QueueDeclare, owner: QueueOwner
) -> BaseQueue:
    """Declare a queue, or check that the existing one is the same.

    :param name: the name from the client, or the generated name of a server-named queue
    :param owner: the connection that declares the queue
    :raises Refusal: an argument is invalid, or the existing one differs
    """
    arguments = named(declared.arguments)
    queue = vhost.queues.get(name)
    if queue is not None:
        _check_same_queue(vhost, queue, declared, arguments, owner)
        queue.used()
        return queue
    queue = _make_queue(vhost, name, declared, arguments, owner)
    vhost.add_queue(queue)
    return queue


def _make_queue(
    vhost: VirtualHost,
    name: bytes,
    declared: QueueDeclare,
    arguments: NamedArguments,
    owner: QueueOwner,
) -> BaseQueue:
    where = vhost.where('queue', name)
    kind = check_arguments(arguments, where)
    if kind != CLASSIC:
        _check_replicated(declared, kind, where)
    definition = QueueDefinition(
        name,
        kind,
        arguments,
        declared.durable,
        declared.auto_delete,
        owner if declared.exclusive else None,
    )
    return make_queue(vhost, definition)


def _check_replicated(declared: QueueDeclare, kind: str, where: str) -> None:
    """Check the flags of a quorum queue or a stream: both are durable and never exclusive."""
    if not declared.queue:
        what = f'Cannot declare a server-named queue for type rabbit_{kind}_queue'
        raise Refusal(PRECONDITION_FAILED, what)
    for name, invalid in (
        ('non-durable', not declared.durable),
        ('exclusive-owner', declared.exclusive),
        ('auto-delete', declared.auto_delete),
    ):
        if invalid:
            raise Refusal(PRECONDITION_FAILED, f"invalid property '{name}' for {where}")


def _check_same_queue(
    vhost: VirtualHost,
    queue: BaseQueue,
    declared: QueueDeclare,
    arguments: NamedArguments,
    owner: QueueOwner,
) -> None:
    where = vhost.where('queue', queue.name)
    check_owner(queue, owner)
    if (queue.owner is not None) != declared.exclusive:
        raise _locked(queue)
    check_same_flag('durable', queue.durable, declared.durable, where)
    check_same_flag('auto_delete', queue.auto_delete, declared.auto_delete, where)
    check_all_same(CHECKED, _with_kind(queue.arguments), _with_kind(arguments), where)


def _with_kind(arguments: NamedArguments) -> NamedArguments:
    """Return arguments with the kind of the queue, which is classic if they name none."""
    return {KIND_ARGUMENT: (CLASSIC.encode(), 'S'), **arguments}


def check_owner(queue: BaseQueue, owner: QueueOwner) -> None:
    """Check that a queue is not exclusive to another connection.

    :raises Refusal: it belongs to another connection
    """
    if queue.owner is not None and queue.owner is not owner:
        raise _locked(queue)


def _locked(queue: BaseQueue) -> Refusal:
    return Refusal(
        RESOURCE_LOCKED,
        f'cannot obtain exclusive access to locked {queue.vhost.where("queue", queue.name)}. '
        'It could be originally declared on another connection or the exclusive property value '
        'does not match that of the original declaration.',
    )


def delete_queue(vhost: VirtualHost, name: bytes, declared: QueueDelete, owner: QueueOwner) -> int:
    """Delete a queue; return the number of its messages, 0 if there is no queue.

    :raises Refusal: it is exclusive to another connection, in use, or not empty
    """
    queue = vhost.queues.get(name)
    if queue is None:
        return 0
    check_owner(queue, owner)
    _check_conditions(queue, declared)
    if declared.if_unused and len(queue.consumers):
        raise Refusal(PRECONDITION_FAILED, f'{vhost.where("queue", name)} in use')
    if declared.if_empty and queue.message_count:
        raise Refusal(PRECONDITION_FAILED, f'{vhost.where("queue", name)} not empty')
    count = vhost.delete_queue(queue)
    return 0 if queue.kind == STREAM else count


def _check_conditions(queue: BaseQueue, declared: QueueDelete) -> None:
    for name, given in (('if-unused', declared.if_unused), ('if-empty', declared.if_empty)):
        if given and queue.kind == QUORUM:
            where = queue.vhost.where('queue', queue.name)
            raise Refusal(
                NOT_IMPLEMENTED,
                f'cannot delete {where}. queue.delete operations with {name} flag set are not '
                'supported by quorum queues',
            )


# Bindings


def bind(
    vhost: VirtualHost,
    source: bytes,
    destination: Destination,
    routing_key: bytes,
    arguments: Arguments,
) -> None:
    """Bind a queue or an exchange to an exchange.

    :raises Refusal: the source is missing
    """
    vhost.bind(vhost.exchange(source), Binding(destination, routing_key, named(arguments)))


def unbind(
    vhost: VirtualHost,
    source: bytes,
    destination: Destination | None,
    routing_key: bytes,
    arguments: Arguments,
) -> None:
    """Remove a binding; without effect if it, its source or its destination is missing."""
    exchange = vhost.exchanges.get(source)
    if exchange is not None and destination is not None:
        vhost.unbind(exchange, Binding(destination, routing_key, named(arguments)).key)
