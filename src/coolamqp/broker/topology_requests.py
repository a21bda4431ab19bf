"""The methods that declare, bind and delete exchanges and queues.

The checks are in the order of RabbitMQ, because the first failing check decides the error.
"""

from __future__ import annotations

from typing import ClassVar

from coolamqp.broker import declarations
from coolamqp.broker.arguments import NamedArguments, check_string, named
from coolamqp.broker.base_queue import BaseQueue
from coolamqp.broker.channel import Channel
from coolamqp.broker.declarations import check_not_default, check_owner
from coolamqp.broker.errors import Refusal
from coolamqp.broker.naming import generated, name_bytes, stripped
from coolamqp.broker.publishing import REPLY_QUEUE
from coolamqp.broker.request_group import Handlers, RequestGroup
from coolamqp.framing.definitions import (
    ExchangeBind,
    ExchangeBindOk,
    ExchangeDeclare,
    ExchangeDeclareOk,
    ExchangeDelete,
    ExchangeDeleteOk,
    ExchangeUnbind,
    ExchangeUnbindOk,
    QueueBind,
    QueueBindOk,
    QueueDeclare,
    QueueDeclareOk,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
    QueuePurgeOk,
    QueueUnbind,
    QueueUnbindOk,
)
from coolamqp.framing.method import Method
from coolamqp.reply_codes import NOT_FOUND


class TopologyRequests(RequestGroup):
    """Answers the methods of the classes exchange and queue on one channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._session = channel.session

    # Exchanges

    def _exchange_declare(self, method: ExchangeDeclare) -> Method:
        name = stripped(method.exchange)
        if method.passive:
            check_not_default(name)
            self._session.vhost.exchange(name)
            return ExchangeDeclareOk()
        check_not_default(name)
        declarations.check_type(method)
        self._session.check('configure', 'exchange', name)
        if name not in self._session.vhost.exchanges:
            self._check_alternate(name, named(method.arguments))
        declarations.declare_exchange(self._session.vhost, name, method)
        return ExchangeDeclareOk()

    def _check_alternate(self, name: bytes, arguments: NamedArguments) -> None:
        where = self._session.vhost.where('exchange', name)
        check_string('alternate-exchange', arguments, where)
        alternate = arguments.get(b'alternate-exchange')
        if alternate is not None:
            self._session.check('read', 'exchange', name)
            self._session.check('write', 'exchange', bytes(alternate[0]))

    def _exchange_delete(self, method: ExchangeDelete) -> Method:
        name = stripped(method.exchange)
        check_not_default(name)
        declarations.check_not_system(self._session.vhost, name)
        self._session.check('configure', 'exchange', name)
        declarations.delete_exchange(self._session.vhost, name, method.if_unused)
        return ExchangeDeleteOk()

    def _exchange_bind(self, method: ExchangeBind) -> Method:
        destination, source = self._check_exchanges(method)
        vhost = self._session.vhost
        vhost.exchange(source)
        target = vhost.exchange(destination)
        declarations.bind(vhost, source, target, name_bytes(method.routing_key), method.arguments)
        return ExchangeBindOk()

    def _exchange_unbind(self, method: ExchangeUnbind) -> Method:
        destination, source = self._check_exchanges(method)
        vhost = self._session.vhost
        target = vhost.exchanges.get(destination)
        declarations.unbind(vhost, source, target, name_bytes(method.routing_key), method.arguments)
        return ExchangeUnbindOk()

    def _check_exchanges(self, method: ExchangeBind | ExchangeUnbind) -> tuple[bytes, bytes]:
        """Return the names of destination and source, which the user may bind."""
        destination, source = stripped(method.destination), stripped(method.source)
        self._session.check('write', 'exchange', destination)
        check_not_default(destination)
        self._session.check('read', 'exchange', source)
        check_not_default(source)
        return destination, source

    # Queues

    def _queue_declare(self, method: QueueDeclare) -> Method:
        if method.passive:
            return self._declare_passively(method)
        session = self._session
        given = stripped(method.queue)
        if given == REPLY_QUEUE:
            return QueueDeclareOk(given, 0, 1)
        name = given or generated(b'amq.gen-')
        if given:
            declarations.check_queue_name(given)
        session.check('configure', 'queue', name)
        if name not in session.vhost.queues:
            self._check_dead_letters(name, named(method.arguments))
        queue = declarations.declare_queue(session.vhost, name, method, session)
        if queue.owner is session:
            session.exclusive_queues[queue] = None
        return self._declared(queue)

    def _check_dead_letters(self, name: bytes, arguments: NamedArguments) -> None:
        check_string('x-dead-letter-exchange', arguments, self._session.vhost.where('queue', name))
        dead_letters = arguments.get(b'x-dead-letter-exchange')
        if dead_letters is not None:
            self._session.check('read', 'queue', name)
            self._session.check('write', 'exchange', bytes(dead_letters[0]))

    def _declare_passively(self, method: QueueDeclare) -> Method:
        name = self._channel.queue_name(stripped(method.queue))
        if name.startswith(REPLY_QUEUE):
            if name != REPLY_QUEUE and name not in self._session.state.replies:
                raise Refusal(NOT_FOUND, f'no {self._session.vhost.where("queue", name)}')
            return QueueDeclareOk(name, 0, 1)
        queue = self._session.vhost.queue(name)
        check_owner(queue, self._session)
        queue.used()
        return self._declared(queue)

    def _declared(self, queue: BaseQueue) -> Method:
        self._channel.last_queue = queue.name
        return QueueDeclareOk(queue.name, queue.message_count, len(queue.consumers))

    def _queue_delete(self, method: QueueDelete) -> Method:
        name = self._channel.queue_name(stripped(method.queue))
        if name == REPLY_QUEUE:
            return QueueDeleteOk(0)
        self._session.check('configure', 'queue', name)
        count = declarations.delete_queue(self._session.vhost, name, method, self._session)
        return QueueDeleteOk(count)

    def _queue_purge(self, method: QueuePurge) -> Method:
        name = self._channel.queue_name(stripped(method.queue))
        self._session.check('read', 'queue', name)
        queue = self._session.vhost.queue(name)
        check_owner(queue, self._session)
        return QueuePurgeOk(queue.purge())

    def _queue_bind(self, method: QueueBind) -> Method:
        name, source, routing_key = self._check_binding(method)
        vhost = self._session.vhost
        vhost.exchange(source)
        queue = vhost.queue(name)
        check_owner(queue, self._session)
        declarations.bind(vhost, source, queue, routing_key, method.arguments)
        return QueueBindOk()

    def _queue_unbind(self, method: QueueUnbind) -> Method:
        name, source, routing_key = self._check_binding(method)
        vhost = self._session.vhost
        queue = vhost.queues.get(name)
        if queue is not None:
            check_owner(queue, self._session)
        declarations.unbind(vhost, source, queue, routing_key, method.arguments)
        return QueueUnbindOk()

    def _check_binding(self, method: QueueBind | QueueUnbind) -> tuple[bytes, bytes, bytes]:
        """Return the queue, the exchange and the routing key, which the user may bind."""
        given = stripped(method.queue)
        name = self._channel.queue_name(given)
        routing_key = name_bytes(method.routing_key)
        if not given and not routing_key:
            routing_key = name  # AMQP 0-9-1, queue.bind: both are empty
        source = stripped(method.exchange)
        self._session.check('write', 'queue', name)
        check_not_default(source)
        self._session.check('read', 'exchange', source)
        return name, source, routing_key

    _HANDLERS: ClassVar[Handlers] = {
        ExchangeDeclare: _exchange_declare,
        ExchangeDelete: _exchange_delete,
        ExchangeBind: _exchange_bind,
        ExchangeUnbind: _exchange_unbind,
        QueueDeclare: _queue_declare,
        QueueDelete: _queue_delete,
        QueuePurge: _queue_purge,
        QueueBind: _queue_bind,
        QueueUnbind: _queue_unbind,
    }
