"""The methods that a client calls on a channel, and their answers.

The order of the checks is that of RabbitMQ, since it decides which error a client sees.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any, Final

from coolamqp.broker import declarations
from coolamqp.broker.arguments import INTEGERS, TYPE_NAMES, NamedArguments, check_string, named
from coolamqp.broker.channel import Channel
from coolamqp.broker.declarations import check_not_default, check_owner
from coolamqp.broker.delivery import Consumer
from coolamqp.broker.errors import Refusal, shown
from coolamqp.broker.publishing import (
    CONFIRMS,
    REPLY_PREFIX,
    REPLY_QUEUE,
    TRANSACTIONS,
    Publishing,
)
from coolamqp.broker.queue import BaseQueue
from coolamqp.framing.definitions import (
    AccessRequest,
    AccessRequestOk,
    BasicCancel,
    BasicCancelOk,
    BasicConsume,
    BasicConsumeOk,
    BasicGet,
    BasicGetEmpty,
    BasicQos,
    BasicQosOk,
    BasicRecover,
    BasicRecoverAsync,
    BasicRecoverOk,
    ChannelFlow,
    ChannelFlowOk,
    ChannelOpen,
    ConfirmSelect,
    ConfirmSelectOk,
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
    TxCommit,
    TxCommitOk,
    TxRollback,
    TxRollbackOk,
    TxSelect,
    TxSelectOk,
)
from coolamqp.framing.method import Method
from coolamqp.framing.text import Text, text_bytes
from coolamqp.names import unique_name
from coolamqp.reply_codes import (
    ACCESS_REFUSED,
    CHANNEL_ERROR,
    COMMAND_INVALID,
    NOT_ALLOWED,
    NOT_FOUND,
    NOT_IMPLEMENTED,
    PRECONDITION_FAILED,
)

_TICKET: Final = 1


class Requests:
    """Answers the methods of one channel."""

    def __init__(self, channel: Channel, publishing: Publishing) -> None:
        self._channel = channel
        self._publishing = publishing
        self._session = channel.session

    def answer(self, method: Method) -> Method | None:
        """Carry out a method; return its answer, None if it has none or it was sent already.

        :raises Refusal: the method is refused
        """
        handler = _HANDLERS.get(type(method))
        if handler is None:
            raise Refusal(COMMAND_INVALID, 'unimplemented method')
        return handler(self, method)

    # Channel

    def access_request(self, _method: AccessRequest) -> Method:
        return AccessRequestOk(_TICKET)

    def channel_open(self, _method: ChannelOpen) -> Method:
        raise Refusal(CHANNEL_ERROR, "second 'channel.open' seen")

    def channel_flow(self, method: ChannelFlow) -> Method:
        if not method.active:
            raise Refusal(NOT_IMPLEMENTED, 'active=false')
        return ChannelFlowOk(True)

    # Exchanges

    def exchange_declare(self, method: ExchangeDeclare) -> Method:
        name = _stripped(method.exchange)
        if method.passive:
            check_not_default(name)
            self._session.vhost.exchange(name)
            return ExchangeDeclareOk()
        check_not_default(name)
        declarations.check_type(method)
        self._session.check('configure', 'exchange', name)
        alternate = named(method.arguments).get(b'alternate-exchange')
        if alternate is not None and name not in self._session.vhost.exchanges:
            self._session.check('read', 'exchange', name)
            self._session.check('write', 'exchange', bytes(alternate[0]))
        declarations.declare_exchange(self._session.vhost, name, method)
        return ExchangeDeclareOk()

    def exchange_delete(self, method: ExchangeDelete) -> Method:
        name = _stripped(method.exchange)
        check_not_default(name)
        declarations.check_not_system(self._session.vhost, name)
        self._session.check('configure', 'exchange', name)
        declarations.delete_exchange(self._session.vhost, name, method.if_unused)
        return ExchangeDeleteOk()

    def exchange_bind(self, method: ExchangeBind) -> Method:
        destination, source = self._check_exchanges(method)
        vhost = self._session.vhost
        vhost.exchange(source)
        target = vhost.exchange(destination)
        declarations.bind(vhost, source, target, _bytes(method.routing_key), method.arguments)
        return ExchangeBindOk()

    def exchange_unbind(self, method: ExchangeUnbind) -> Method:
        destination, source = self._check_exchanges(method)
        vhost = self._session.vhost
        target = vhost.exchanges.get(destination)
        declarations.unbind(vhost, source, target, _bytes(method.routing_key), method.arguments)
        return ExchangeUnbindOk()

    def _check_exchanges(self, method: ExchangeBind | ExchangeUnbind) -> tuple[bytes, bytes]:
        """Return the names of destination and source, which the user may bind."""
        destination, source = _stripped(method.destination), _stripped(method.source)
        self._session.check('write', 'exchange', destination)
        check_not_default(destination)
        self._session.check('read', 'exchange', source)
        check_not_default(source)
        return destination, source

    # Queues

    def queue_declare(self, method: QueueDeclare) -> Method:
        if method.passive:
            return self._declare_passively(method)
        session = self._session
        given = _stripped(method.queue)
        name = given or _generated(b'amq.gen-')
        if given:
            declarations.check_queue_name(given)
        session.check('configure', 'queue', name)
        if name not in session.vhost.queues:
            self._check_dead_letters(name, named(method.arguments))
        queue = declarations.declare_queue(session.vhost, name, method, session)
        if queue.owner is session and queue not in session.exclusive_queues:
            session.exclusive_queues.append(queue)
        return self._declared(queue)

    def _check_dead_letters(self, name: bytes, arguments: NamedArguments) -> None:
        check_string('x-dead-letter-exchange', arguments, self._session.vhost.where('queue', name))
        dead_letters = arguments.get(b'x-dead-letter-exchange')
        if dead_letters is not None:
            self._session.check('read', 'queue', name)
            self._session.check('write', 'exchange', bytes(dead_letters[0]))

    def _declare_passively(self, method: QueueDeclare) -> Method:
        name = self._queue_name(_stripped(method.queue))
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

    def queue_delete(self, method: QueueDelete) -> Method:
        name = self._queue_name(_stripped(method.queue))
        self._session.check('configure', 'queue', name)
        count = declarations.delete_queue(self._session.vhost, name, method, self._session)
        return QueueDeleteOk(count)

    def queue_purge(self, method: QueuePurge) -> Method:
        name = self._queue_name(_stripped(method.queue))
        self._session.check('read', 'queue', name)
        queue = self._session.vhost.queue(name)
        check_owner(queue, self._session)
        return QueuePurgeOk(queue.purge())

    def queue_bind(self, method: QueueBind) -> Method:
        name, source, routing_key = self._check_binding(method)
        vhost = self._session.vhost
        vhost.exchange(source)
        queue = vhost.queue(name)
        check_owner(queue, self._session)
        declarations.bind(vhost, source, queue, routing_key, method.arguments)
        return QueueBindOk()

    def queue_unbind(self, method: QueueUnbind) -> Method:
        name, source, routing_key = self._check_binding(method)
        vhost = self._session.vhost
        queue = vhost.queues.get(name)
        if queue is not None:
            check_owner(queue, self._session)
        declarations.unbind(vhost, source, queue, routing_key, method.arguments)
        return QueueUnbindOk()

    def _check_binding(self, method: QueueBind | QueueUnbind) -> tuple[bytes, bytes, bytes]:
        """Return the queue, the exchange and the routing key, which the user may bind."""
        given = _stripped(method.queue)
        name = self._queue_name(given)
        routing_key = _bytes(method.routing_key)
        if not given and not routing_key:
            routing_key = name  # AMQP 0-9-1, queue.bind: both are empty
        source = _stripped(method.exchange)
        self._session.check('write', 'queue', name)
        check_not_default(source)
        self._session.check('read', 'exchange', source)
        return name, source, routing_key

    def _queue_name(self, name: bytes) -> bytes:
        """Return the name of a queue; an empty one stands for the last queue of the channel."""
        if name:
            return name
        if not self._channel.last_queue:
            raise Refusal(NOT_FOUND, 'no previously declared queue')
        return self._channel.last_queue

    # Consumers

    def basic_qos(self, method: BasicQos) -> Method:
        if method.prefetch_size:
            raise Refusal(NOT_IMPLEMENTED, f'prefetch_size!=0 ({method.prefetch_size})')
        if method.global_:
            self._channel.prefetch = method.prefetch_count
            self._channel.resume()
        else:
            self._channel.consumer_prefetch = method.prefetch_count
        return BasicQosOk()

    def basic_consume(self, method: BasicConsume) -> Method | None:
        queue_name = _stripped(method.queue)
        if queue_name == REPLY_QUEUE:
            return self._consume_replies(method)
        channel, session = self._channel, self._session
        tag = _bytes(method.consumer_tag)
        if tag in channel.consumers:
            raise Refusal(NOT_ALLOWED, f"attempt to reuse consumer tag '{shown(tag)}'")
        name = self._queue_name(queue_name)
        session.check('read', 'queue', name)
        queue = session.vhost.queue(name)
        check_owner(queue, session)
        arguments = named(method.arguments)
        self._check_consumer(queue, method, arguments)
        tag = tag or _generated(b'amq.ctag-')
        consumer = Consumer(
            channel,
            queue,
            tag,
            arguments,
            no_ack=method.no_ack,
            exclusive=method.exclusive,
            prefetch=channel.consumer_prefetch,
            priority=int(arguments.get(b'x-priority', (0, 'I'))[0]),
        )
        channel.consumers[tag] = consumer
        if not method.no_wait:
            channel.send(BasicConsumeOk(tag))  # before the first delivery
        queue.add_consumer(consumer)
        return None

    def _check_consumer(
        self, queue: BaseQueue, method: BasicConsume, arguments: NamedArguments
    ) -> None:
        value, letter = arguments.get(b'x-priority', (0, 'I'))
        where = self._session.vhost.where('queue', queue.name)
        if letter not in INTEGERS:
            raise Refusal(
                PRECONDITION_FAILED,
                f"invalid arg 'x-priority' for {where}: {{unacceptable_type,{TYPE_NAMES[letter]}}}",
            )
        if queue.consumers.exclusive or (method.exclusive and len(queue.consumers)):
            raise Refusal(ACCESS_REFUSED, f'{where} in exclusive use')
        queue.check_consume(method.no_ack, self._channel.consumer_prefetch, arguments)

    def _consume_replies(self, method: BasicConsume) -> Method:
        channel = self._channel
        if not method.no_ack:
            raise Refusal(PRECONDITION_FAILED, 'reply consumer cannot acknowledge')
        if channel.reply_tag is not None:
            raise Refusal(PRECONDITION_FAILED, 'reply consumer already set')
        channel.reply_tag = _bytes(method.consumer_tag) or _generated(b'amq.ctag-')
        channel.reply_key = _generated(REPLY_PREFIX)
        self._session.state.replies[channel.reply_key] = channel
        return BasicConsumeOk(channel.reply_tag)

    def basic_cancel(self, method: BasicCancel) -> Method:
        tag = _bytes(method.consumer_tag)
        if tag == self._channel.reply_tag:
            self._channel.stop_replies()
        consumer = self._channel.consumers.pop(tag, None)
        if consumer is not None:
            consumer.queue.remove_consumer(consumer)
        return BasicCancelOk(tag)

    def basic_get(self, method: BasicGet) -> Method | None:
        name = self._queue_name(_stripped(method.queue))
        self._session.check('read', 'queue', name)
        queue = self._session.vhost.queue(name)
        check_owner(queue, self._session)
        entry = queue.get()
        if entry is None:
            return BasicGetEmpty()
        self._channel.send_get_ok(entry, method.no_ack, queue.message_count)
        return None

    def basic_recover(self, method: BasicRecover) -> Method | None:
        _check_requeue(method.requeue)
        self._channel.send(BasicRecoverOk())  # before the deliveries
        self._channel.requeue_all()
        return None

    def basic_recover_async(self, method: BasicRecoverAsync) -> Method | None:
        _check_requeue(method.requeue)
        self._channel.requeue_all()
        return None

    # Modes of publishing

    def confirm_select(self, _method: ConfirmSelect) -> Method:
        if self._publishing.mode == TRANSACTIONS:
            raise Refusal(PRECONDITION_FAILED, 'cannot switch from tx to confirm mode')
        self._publishing.mode = CONFIRMS
        return ConfirmSelectOk()

    def tx_select(self, _method: TxSelect) -> Method:
        if self._publishing.mode == CONFIRMS:
            raise Refusal(PRECONDITION_FAILED, 'cannot switch from confirm to tx mode')
        self._publishing.mode = TRANSACTIONS
        return TxSelectOk()

    def tx_commit(self, _method: TxCommit) -> Method:
        self._check_transactions()
        self._publishing.commit()
        return TxCommitOk()

    def tx_rollback(self, _method: TxRollback) -> Method:
        self._check_transactions()
        self._publishing.rollback()
        return TxRollbackOk()

    def _check_transactions(self) -> None:
        if self._publishing.mode != TRANSACTIONS:
            raise Refusal(PRECONDITION_FAILED, 'channel is not transactional')


_HANDLERS: Final[dict[type[Method], Callable[[Requests, Any], Method | None]]] = {
    AccessRequest: Requests.access_request,
    ChannelOpen: Requests.channel_open,
    ChannelFlow: Requests.channel_flow,
    ExchangeDeclare: Requests.exchange_declare,
    ExchangeDelete: Requests.exchange_delete,
    ExchangeBind: Requests.exchange_bind,
    ExchangeUnbind: Requests.exchange_unbind,
    QueueDeclare: Requests.queue_declare,
    QueueDelete: Requests.queue_delete,
    QueuePurge: Requests.queue_purge,
    QueueBind: Requests.queue_bind,
    QueueUnbind: Requests.queue_unbind,
    BasicQos: Requests.basic_qos,
    BasicConsume: Requests.basic_consume,
    BasicCancel: Requests.basic_cancel,
    BasicGet: Requests.basic_get,
    BasicRecover: Requests.basic_recover,
    BasicRecoverAsync: Requests.basic_recover_async,
    ConfirmSelect: Requests.confirm_select,
    TxSelect: Requests.tx_select,
    TxCommit: Requests.tx_commit,
    TxRollback: Requests.tx_rollback,
}


def _check_requeue(requeue: bool) -> None:
    if not requeue:
        raise Refusal(NOT_IMPLEMENTED, 'requeue=false')


def _generated(prefix: bytes) -> bytes:
    """Return a name that nobody else has, in the form of RabbitMQ's."""
    return prefix + urlsafe_b64encode(bytes.fromhex(unique_name().decode())).rstrip(b'=')


def _bytes(text: Text) -> bytes:
    return text_bytes(text, 'name')


def _stripped(text: Text) -> bytes:
    """Return a name without line ends, which RabbitMQ removes from names."""
    return _bytes(text).replace(b'\r', b'').replace(b'\n', b'')
