"""The methods to consume and to get messages: qos, consume, cancel, get and recover.

The checks are in the order of RabbitMQ, because the first failing check decides the error.
"""

from __future__ import annotations

from typing import ClassVar

from coolamqp.broker.arguments import INTEGERS, TYPE_NAMES, NamedArguments, named
from coolamqp.broker.base_queue import BaseQueue
from coolamqp.broker.channel import Channel
from coolamqp.broker.declarations import check_owner
from coolamqp.broker.delivery import Consumer
from coolamqp.broker.errors import Refusal, shown
from coolamqp.broker.naming import generated, name_bytes, stripped
from coolamqp.broker.publishing import REPLY_PREFIX, REPLY_QUEUE
from coolamqp.broker.queue_options import CLASSIC
from coolamqp.broker.request_group import Handlers, RequestGroup
from coolamqp.framing.definitions import (
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
)
from coolamqp.framing.method import Method
from coolamqp.reply_codes import (
    ACCESS_REFUSED,
    NOT_ALLOWED,
    NOT_IMPLEMENTED,
    PRECONDITION_FAILED,
)


class ConsumerRequests(RequestGroup):
    """Answers the methods of class basic on one channel, except settlements and publishes."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._session = channel.session

    # Consumers

    def _basic_qos(self, method: BasicQos) -> Method:
        if method.prefetch_size:
            raise Refusal(NOT_IMPLEMENTED, f'prefetch_size!=0 ({method.prefetch_size})')
        if method.global_:
            self._channel.prefetch = method.prefetch_count
            self._channel.resume()
        else:
            self._channel.consumer_prefetch = method.prefetch_count
        return BasicQosOk()

    def _basic_consume(self, method: BasicConsume) -> Method | None:
        queue_name = stripped(method.queue)
        if queue_name == REPLY_QUEUE:
            return self._consume_replies(method)
        channel, session = self._channel, self._session
        tag = name_bytes(method.consumer_tag)
        if tag in channel.consumers:
            raise Refusal(NOT_ALLOWED, f"attempt to reuse consumer tag '{shown(tag)}'")
        name = self._channel.queue_name(queue_name)
        session.check('read', 'queue', name)
        queue = session.vhost.queue(name)
        check_owner(queue, session)
        arguments = named(method.arguments)
        self._check_consumer(queue, method, arguments)
        tag = tag or generated(b'amq.ctag-')
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
        _, letter = arguments.get(b'x-priority', (0, 'I'))
        where = self._session.vhost.where('queue', queue.name)
        if letter not in INTEGERS:
            raise Refusal(
                PRECONDITION_FAILED,
                f"invalid arg 'x-priority' for {where}: "
                f'"expected integer, got {TYPE_NAMES[letter]}"',
            )
        shared = len(queue.consumers) or queue.options.single_active_consumer
        if queue.consumers.exclusive or (method.exclusive and shared):
            raise Refusal(ACCESS_REFUSED, f'{where} in exclusive use')
        if self._channel.prefetch and queue.kind != CLASSIC:
            raise Refusal(NOT_IMPLEMENTED, f'{where} does not support global qos')
        queue.check_consume(method.no_ack, self._channel.consumer_prefetch, arguments)

    def _consume_replies(self, method: BasicConsume) -> Method:
        channel = self._channel
        if not method.no_ack:
            raise Refusal(PRECONDITION_FAILED, 'reply consumer cannot acknowledge')
        if channel.reply_tag is not None:
            raise Refusal(PRECONDITION_FAILED, 'reply consumer already set')
        channel.reply_tag = name_bytes(method.consumer_tag) or generated(b'amq.ctag-')
        channel.reply_key = generated(REPLY_PREFIX)
        self._session.state.replies[channel.reply_key] = channel
        return BasicConsumeOk(channel.reply_tag)

    def _basic_cancel(self, method: BasicCancel) -> Method:
        tag = name_bytes(method.consumer_tag)
        if tag == self._channel.reply_tag:
            self._channel.stop_replies()
        consumer = self._channel.consumers.pop(tag, None)
        if consumer is not None:
            consumer.queue.remove_consumer(consumer)
        return BasicCancelOk(tag)

    def _basic_get(self, method: BasicGet) -> Method | None:
        name = self._channel.queue_name(stripped(method.queue))
        self._session.check('read', 'queue', name)
        queue = self._session.vhost.queue(name)
        check_owner(queue, self._session)
        entry = queue.get()
        if entry is None:
            return BasicGetEmpty()
        self._channel.send_get_ok(entry, method.no_ack, queue.message_count)
        return None

    def _basic_recover(self, method: BasicRecover) -> Method | None:
        _check_requeue(method.requeue)
        self._channel.send(BasicRecoverOk())  # before the deliveries
        self._channel.requeue_all()
        return None

    def _basic_recover_async(self, method: BasicRecoverAsync) -> Method | None:
        _check_requeue(method.requeue)
        self._channel.requeue_all()
        return None

    _HANDLERS: ClassVar[Handlers] = {
        BasicQos: _basic_qos,
        BasicConsume: _basic_consume,
        BasicCancel: _basic_cancel,
        BasicGet: _basic_get,
        BasicRecover: _basic_recover,
        BasicRecoverAsync: _basic_recover_async,
    }


def _check_requeue(requeue: bool) -> None:
    if not requeue:
        raise Refusal(NOT_IMPLEMENTED, 'requeue=false')
