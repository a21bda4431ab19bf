"""Every method of AMQP 0-9-1 and of RabbitMQ's extensions, a field a line.

See the specification: https://www.rabbitmq.com/amqp-0-9-1-reference. Fields stand in its order,
without the reserved ones; a method takes them by position in the same order. The constants and the
property list of the specification can be imported from here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from coolamqp.exceptions import WireError
from coolamqp.framing.method import (
    BIT,
    LONG_STRING,
    METHODS,
    SHORT,
    SHORT_STRING,
    Method,
    bit,
    long,
    long_long,
    long_string,
    method,
    octet,
    read_method,
    short,
    short_string,
    table,
)
from coolamqp.framing.primitives import LONG, Reader
from coolamqp.framing.properties import BasicContentPropertyList
from coolamqp.reply_codes import (
    ACCESS_REFUSED,
    CHANNEL_ERROR,
    COMMAND_INVALID,
    CONNECTION_FORCED,
    CONTENT_TOO_LARGE,
    FRAME_ERROR,
    HARD_ERRORS,
    INTERNAL_ERROR,
    INVALID_PATH,
    NO_CONSUMERS,
    NO_ROUTE,
    NOT_ALLOWED,
    NOT_FOUND,
    NOT_IMPLEMENTED,
    PRECONDITION_FAILED,
    REPLY_SUCCESS,
    RESOURCE_ERROR,
    RESOURCE_LOCKED,
    SOFT_ERRORS,
    SYNTAX_ERROR,
    UNEXPECTED_FRAME,
)

if TYPE_CHECKING:
    from coolamqp.framing.field_table import Arguments
    from coolamqp.framing.text import Text

# fmt: off
__all__ = [
    'ACCESS_REFUSED', 'CHANNEL_ERROR', 'COMMAND_INVALID', 'CONNECTION_FORCED', 'CONTENT_TOO_LARGE',
    'FRAME_BODY', 'FRAME_END', 'FRAME_ERROR', 'FRAME_HEADER', 'FRAME_HEARTBEAT', 'FRAME_METHOD',
    'FRAME_MIN_SIZE', 'HARD_ERRORS', 'INTERNAL_ERROR', 'INVALID_PATH', 'METHODS', 'NOT_ALLOWED',
    'NOT_FOUND', 'NOT_IMPLEMENTED', 'NO_CONSUMERS', 'NO_ROUTE', 'PRECONDITION_FAILED',
    'REPLY_SUCCESS', 'RESOURCE_ERROR', 'RESOURCE_LOCKED', 'SOFT_ERRORS', 'SYNTAX_ERROR',
    'UNEXPECTED_FRAME', 'AccessRequest', 'AccessRequestOk', 'BasicAck', 'BasicCancel',
    'BasicCancelOk', 'BasicConsume', 'BasicConsumeOk', 'BasicContentPropertyList', 'BasicDeliver',
    'BasicGet', 'BasicGetEmpty', 'BasicGetOk', 'BasicNack', 'BasicPublish', 'BasicQos',
    'BasicQosOk', 'BasicRecover', 'BasicRecoverAsync', 'BasicRecoverOk', 'BasicReject',
    'BasicReturn', 'ChannelClose', 'ChannelCloseOk', 'ChannelFlow', 'ChannelFlowOk', 'ChannelOpen',
    'ChannelOpenOk', 'ConfirmSelect', 'ConfirmSelectOk', 'ConnectionBlocked', 'ConnectionClose',
    'ConnectionCloseOk', 'ConnectionOpen', 'ConnectionOpenOk', 'ConnectionSecure',
    'ConnectionSecureOk', 'ConnectionStart', 'ConnectionStartOk', 'ConnectionTune',
    'ConnectionTuneOk', 'ConnectionUnblocked', 'ConnectionUpdateSecret', 'ConnectionUpdateSecretOk',
    'ExchangeBind', 'ExchangeBindOk', 'ExchangeDeclare', 'ExchangeDeclareOk', 'ExchangeDelete',
    'ExchangeDeleteOk', 'ExchangeUnbind', 'ExchangeUnbindOk', 'QueueBind', 'QueueBindOk',
    'QueueDeclare', 'QueueDeclareOk', 'QueueDelete', 'QueueDeleteOk', 'QueuePurge', 'QueuePurgeOk',
    'QueueUnbind', 'QueueUnbindOk', 'TxCommit', 'TxCommitOk', 'TxRollback', 'TxRollbackOk',
    'TxSelect', 'TxSelectOk', 'decode_method',
]
# fmt: on

FRAME_METHOD: Final = 1
FRAME_HEADER: Final = 2
FRAME_BODY: Final = 3
FRAME_HEARTBEAT: Final = 8
FRAME_END: Final = 206
FRAME_MIN_SIZE: Final = 4096

# Class connection


@method('connection.start', 10, 10)
class ConnectionStart(Method):
    """The broker introduces itself and proposes ways to log in."""

    version_major: int = octet()
    version_minor: int = octet()
    server_properties: Arguments = table()
    mechanisms: Text = long_string()
    locales: Text = long_string()


@method('connection.start-ok', 10, 11)
class ConnectionStartOk(Method):
    """The client introduces itself and logs in."""

    client_properties: Arguments = table()
    mechanism: Text = short_string()
    response: Text = long_string()
    locale: Text = short_string()


@method('connection.secure', 10, 20)
class ConnectionSecure(Method):
    """The broker sends a SASL challenge."""

    challenge: Text = long_string()


@method('connection.secure-ok', 10, 21)
class ConnectionSecureOk(Method):
    """The client answers the SASL challenge."""

    response: Text = long_string()


@method('connection.tune', 10, 30)
class ConnectionTune(Method):
    """The broker proposes limits; heartbeat is in seconds."""

    channel_max: int = short()
    frame_max: int = long()
    heartbeat: int = short()


@method('connection.tune-ok', 10, 31)
class ConnectionTuneOk(Method):
    """The client settles the limits."""

    channel_max: int = short()
    frame_max: int = long()
    heartbeat: int = short()


@method(
    'connection.open', 10, 40, reserved_last=(SHORT_STRING, BIT), answers=('connection.open-ok',)
)
class ConnectionOpen(Method):
    """Open a virtual host."""

    virtual_host: Text = short_string()


@method('connection.open-ok', 10, 41, reserved_last=(SHORT_STRING,))
class ConnectionOpenOk(Method):
    """The virtual host is open."""


@method('connection.close', 10, 50, answers=('connection.close-ok',))
class ConnectionClose(Method):
    """Either side closes the connection, with the reason."""

    reply_code: int = short()
    reply_text: Text = short_string()
    class_id: int = short()
    method_id: int = short()


@method('connection.close-ok', 10, 51)
class ConnectionCloseOk(Method):
    """The other side has read the close."""


@method('connection.blocked', 10, 60)
class ConnectionBlocked(Method):
    """RabbitMQ: the broker reads no more publishes, for lack of memory or disk space."""

    reason: Text = short_string()


@method('connection.unblocked', 10, 61)
class ConnectionUnblocked(Method):
    """RabbitMQ: the broker reads publishes again."""


@method('connection.update-secret', 10, 70, answers=('connection.update-secret-ok',))
class ConnectionUpdateSecret(Method):
    """RabbitMQ: replace a token before it expires."""

    new_secret: Text = long_string()
    reason: Text = short_string()


@method('connection.update-secret-ok', 10, 71)
class ConnectionUpdateSecretOk(Method):
    """RabbitMQ: the new token is accepted."""


# Class channel


@method('channel.open', 20, 10, reserved_first=(SHORT_STRING,), answers=('channel.open-ok',))
class ChannelOpen(Method):
    """Open a channel."""


@method('channel.open-ok', 20, 11, reserved_last=(LONG_STRING,))
class ChannelOpenOk(Method):
    """The channel is open."""


@method('channel.flow', 20, 20, answers=('channel.flow-ok',))
class ChannelFlow(Method):
    """Ask the other side to pause or resume its contents."""

    active: bool = bit()


@method('channel.flow-ok', 20, 21)
class ChannelFlowOk(Method):
    """The contents are paused or resumed."""

    active: bool = bit()


@method('channel.close', 20, 40, answers=('channel.close-ok',))
class ChannelClose(Method):
    """Either side closes the channel, with the reason."""

    reply_code: int = short()
    reply_text: Text = short_string()
    class_id: int = short()
    method_id: int = short()


@method('channel.close-ok', 20, 41)
class ChannelCloseOk(Method):
    """The other side has read the close."""


# Class access


@method('access.request', 30, 10, answers=('access.request-ok',))
class AccessRequest(Method):
    """A method of AMQP 0-8, which RabbitMQ always answers with success."""

    realm: Text = short_string()
    exclusive: bool = bit()
    passive: bool = bit()
    active: bool = bit()
    write: bool = bit()
    read: bool = bit()


@method('access.request-ok', 30, 11)
class AccessRequestOk(Method):
    """The answer of AMQP 0-8."""

    ticket: int = short()


# Class exchange


@method('exchange.declare', 40, 10, reserved_first=(SHORT,), answers=('exchange.declare-ok',))
class ExchangeDeclare(Method):
    """Declare an exchange, or check that it exists."""

    exchange: Text = short_string()
    type_: Text = short_string()
    passive: bool = bit()
    durable: bool = bit()
    auto_delete: bool = bit()
    internal: bool = bit()
    no_wait: bool = bit()
    arguments: Arguments = table()


@method('exchange.declare-ok', 40, 11)
class ExchangeDeclareOk(Method):
    """The exchange exists."""


@method('exchange.delete', 40, 20, reserved_first=(SHORT,), answers=('exchange.delete-ok',))
class ExchangeDelete(Method):
    """Delete an exchange."""

    exchange: Text = short_string()
    if_unused: bool = bit()
    no_wait: bool = bit()


@method('exchange.delete-ok', 40, 21)
class ExchangeDeleteOk(Method):
    """The exchange is deleted."""


@method('exchange.bind', 40, 30, reserved_first=(SHORT,), answers=('exchange.bind-ok',))
class ExchangeBind(Method):
    """RabbitMQ: bind an exchange to another."""

    destination: Text = short_string()
    source: Text = short_string()
    routing_key: Text = short_string()
    no_wait: bool = bit()
    arguments: Arguments = table()


@method('exchange.bind-ok', 40, 31)
class ExchangeBindOk(Method):
    """RabbitMQ: the exchanges are bound."""


@method('exchange.unbind', 40, 40, reserved_first=(SHORT,), answers=('exchange.unbind-ok',))
class ExchangeUnbind(Method):
    """RabbitMQ: unbind an exchange from another."""

    destination: Text = short_string()
    source: Text = short_string()
    routing_key: Text = short_string()
    no_wait: bool = bit()
    arguments: Arguments = table()


@method('exchange.unbind-ok', 40, 51)
class ExchangeUnbindOk(Method):
    """RabbitMQ: the exchanges are unbound."""


# Class queue


@method('queue.declare', 50, 10, reserved_first=(SHORT,), answers=('queue.declare-ok',))
class QueueDeclare(Method):
    """Declare a queue, or check that it exists."""

    queue: Text = short_string()
    passive: bool = bit()
    durable: bool = bit()
    exclusive: bool = bit()
    auto_delete: bool = bit()
    no_wait: bool = bit()
    arguments: Arguments = table()


@method('queue.declare-ok', 50, 11)
class QueueDeclareOk(Method):
    """The queue exists; with the number of its ready messages and of its consumers."""

    queue: Text = short_string()
    message_count: int = long()
    consumer_count: int = long()


@method('queue.bind', 50, 20, reserved_first=(SHORT,), answers=('queue.bind-ok',))
class QueueBind(Method):
    """Bind a queue to an exchange."""

    queue: Text = short_string()
    exchange: Text = short_string()
    routing_key: Text = short_string()
    no_wait: bool = bit()
    arguments: Arguments = table()


@method('queue.bind-ok', 50, 21)
class QueueBindOk(Method):
    """The queue is bound."""


@method('queue.purge', 50, 30, reserved_first=(SHORT,), answers=('queue.purge-ok',))
class QueuePurge(Method):
    """Delete the ready messages of a queue."""

    queue: Text = short_string()
    no_wait: bool = bit()


@method('queue.purge-ok', 50, 31)
class QueuePurgeOk(Method):
    """The messages are deleted; with their number."""

    message_count: int = long()


@method('queue.delete', 50, 40, reserved_first=(SHORT,), answers=('queue.delete-ok',))
class QueueDelete(Method):
    """Delete a queue."""

    queue: Text = short_string()
    if_unused: bool = bit()
    if_empty: bool = bit()
    no_wait: bool = bit()


@method('queue.delete-ok', 50, 41)
class QueueDeleteOk(Method):
    """The queue is deleted; with the number of its messages."""

    message_count: int = long()


@method('queue.unbind', 50, 50, reserved_first=(SHORT,), answers=('queue.unbind-ok',))
class QueueUnbind(Method):
    """Unbind a queue from an exchange."""

    queue: Text = short_string()
    exchange: Text = short_string()
    routing_key: Text = short_string()
    arguments: Arguments = table()


@method('queue.unbind-ok', 50, 51)
class QueueUnbindOk(Method):
    """The queue is unbound."""


# Class basic


@method('basic.qos', 60, 10, answers=('basic.qos-ok',))
class BasicQos(Method):
    """Limit the unacknowledged deliveries (prefetch)."""

    prefetch_size: int = long()
    prefetch_count: int = short()
    global_: bool = bit()


@method('basic.qos-ok', 60, 11)
class BasicQosOk(Method):
    """The limit is in force."""


@method('basic.consume', 60, 20, reserved_first=(SHORT,), answers=('basic.consume-ok',))
class BasicConsume(Method):
    """Start a consumer of a queue."""

    queue: Text = short_string()
    consumer_tag: Text = short_string()
    no_local: bool = bit()
    no_ack: bool = bit()
    exclusive: bool = bit()
    no_wait: bool = bit()
    arguments: Arguments = table()


@method('basic.consume-ok', 60, 21)
class BasicConsumeOk(Method):
    """The consumer has started."""

    consumer_tag: Text = short_string()


@method('basic.cancel', 60, 30, answers=('basic.cancel-ok',))
class BasicCancel(Method):
    """Cancel a consumer; RabbitMQ sends it too, for instance when the queue is deleted."""

    consumer_tag: Text = short_string()
    no_wait: bool = bit()


@method('basic.cancel-ok', 60, 31)
class BasicCancelOk(Method):
    """The consumer is cancelled; no delivery follows."""

    consumer_tag: Text = short_string()


@method('basic.publish', 60, 40, reserved_first=(SHORT,))
class BasicPublish(Method):
    """Publish a message; its content follows."""

    exchange: Text = short_string()
    routing_key: Text = short_string()
    mandatory: bool = bit()
    immediate: bool = bit()


@method('basic.return', 60, 50)
class BasicReturn(Method):
    """The broker returns a mandatory message that no queue receives; its content follows."""

    reply_code: int = short()
    reply_text: Text = short_string()
    exchange: Text = short_string()
    routing_key: Text = short_string()


@method('basic.deliver', 60, 60)
class BasicDeliver(Method):
    """A message for a consumer; its content follows."""

    consumer_tag: Text = short_string()
    delivery_tag: int = long_long()
    redelivered: bool = bit()
    exchange: Text = short_string()
    routing_key: Text = short_string()


@method('basic.get', 60, 70, reserved_first=(SHORT,), answers=('basic.get-ok', 'basic.get-empty'))
class BasicGet(Method):
    """Fetch one message from a queue."""

    queue: Text = short_string()
    no_ack: bool = bit()


@method('basic.get-ok', 60, 71)
class BasicGetOk(Method):
    """The fetched message; its content follows."""

    delivery_tag: int = long_long()
    redelivered: bool = bit()
    exchange: Text = short_string()
    routing_key: Text = short_string()
    message_count: int = long()


@method('basic.get-empty', 60, 72, reserved_last=(SHORT_STRING,))
class BasicGetEmpty(Method):
    """The queue has no message."""


@method('basic.ack', 60, 80)
class BasicAck(Method):
    """A consumer acknowledges deliveries, or the broker confirms publishes."""

    delivery_tag: int = long_long()
    multiple: bool = bit()


@method('basic.reject', 60, 90)
class BasicReject(Method):
    """A consumer rejects one delivery."""

    delivery_tag: int = long_long()
    requeue: bool = bit()


@method('basic.recover-async', 60, 100)
class BasicRecoverAsync(Method):
    """Redeliver all unacknowledged messages; deprecated."""

    requeue: bool = bit()


@method('basic.recover', 60, 110, answers=('basic.recover-ok',))
class BasicRecover(Method):
    """Redeliver all unacknowledged messages."""

    requeue: bool = bit()


@method('basic.recover-ok', 60, 111)
class BasicRecoverOk(Method):
    """The broker will redeliver the unacknowledged messages."""


@method('basic.nack', 60, 120)
class BasicNack(Method):
    """RabbitMQ: a consumer refuses deliveries, or the broker refuses publishes."""

    delivery_tag: int = long_long()
    multiple: bool = bit()
    requeue: bool = bit()


# Class confirm


@method('confirm.select', 85, 10, answers=('confirm.select-ok',))
class ConfirmSelect(Method):
    """RabbitMQ: switch this channel to publisher confirms."""

    no_wait: bool = bit()


@method('confirm.select-ok', 85, 11)
class ConfirmSelectOk(Method):
    """RabbitMQ: the broker confirms publishes from now on."""


# Class tx


@method('tx.select', 90, 10, answers=('tx.select-ok',))
class TxSelect(Method):
    """Make this channel transactional."""


@method('tx.select-ok', 90, 11)
class TxSelectOk(Method):
    """The channel is transactional."""


@method('tx.commit', 90, 20, answers=('tx.commit-ok',))
class TxCommit(Method):
    """Commit the publishes and acknowledgements since the last commit."""


@method('tx.commit-ok', 90, 21)
class TxCommitOk(Method):
    """The transaction is committed."""


@method('tx.rollback', 90, 30, answers=('tx.rollback-ok',))
class TxRollback(Method):
    """Undo the publishes and acknowledgements since the last commit."""


@method('tx.rollback-ok', 90, 31)
class TxRollbackOk(Method):
    """The transaction is rolled back."""


# Their names in CoolAMQP 2.x.
IDENT_TO_METHOD: Final = METHODS
CLASS_ID_TO_CONTENT_PROPERTY_LIST: Final = {60: BasicContentPropertyList}


def decode_method(payload: bytes) -> Method:
    """Decode the payload of a method frame.

    :raises WireError: the method does not exist, or the bytes are not its fields
    """
    if len(payload) < LONG.size:
        raise WireError('a method frame without a method', 'in its payload', SYNTAX_ERROR)
    class_id, method_id = payload[0] << 8 | payload[1], payload[2] << 8 | payload[3]
    declared = METHODS.get((class_id, method_id))
    if declared is None:
        what = f'there is no method {class_id}.{method_id}'
        raise WireError(what, 'in a method frame', NOT_IMPLEMENTED if class_id else COMMAND_INVALID)
    return read_method(declared, Reader(payload, LONG.size, len(payload), declared.NAME))
