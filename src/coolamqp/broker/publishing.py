"""Publishing on a channel: checks, routing, confirms, returns, transactions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from coolamqp.broker.arguments import TYPE_NAMES
from coolamqp.broker.channel import Channel
from coolamqp.broker.decoding import is_finite
from coolamqp.broker.delivery import Entry
from coolamqp.broker.errors import Refusal, shown
from coolamqp.broker.exchange import Exchange
from coolamqp.broker.message import (
    EXPIRATION,
    HEADERS,
    REPLY_TO,
    USER_ID,
    BrokerMessage,
)
from coolamqp.broker.state import Flushable
from coolamqp.exceptions import WireError
from coolamqp.framing.hot import PublishEnvelope, write_ack, write_nack, write_return
from coolamqp.framing.properties import NO_PROPERTIES
from coolamqp.reply_codes import (
    ACCESS_REFUSED,
    INTERNAL_ERROR,
    NO_ROUTE,
    NOT_IMPLEMENTED,
    PRECONDITION_FAILED,
)

REPLY_QUEUE: Final = b'amq.rabbitmq.reply-to'
REPLY_PREFIX: Final = REPLY_QUEUE + b'.'
_CHECKED: Final = HEADERS | EXPIRATION | USER_ID | REPLY_TO
_NUMBER: Final = re.compile('[+-]?[0-9]{1,30}', re.ASCII)
# The longest time to live that RabbitMQ accepts, in milliseconds.
_EXPIRATION_MAX: Final = 10 * 365 * 24 * 60 * 60 * 1000
# https://www.rabbitmq.com/docs/sender-selected
_CC: Final = b'CC'
_BCC: Final = b'BCC'
PLAIN: Final = 0
CONFIRMS: Final = 1
TRANSACTIONS: Final = 2


@dataclass(slots=True)
class _Pending:
    """A publish that waits for tx.commit."""

    exchange: Exchange
    message: BrokerMessage
    mandatory: bool


class Publishing(Flushable):
    """The publications on one channel, and their confirms.

    :ivar mode: `PLAIN`, `CONFIRMS` or `TRANSACTIONS`
    """

    def __init__(self, channel: Channel) -> None:
        self.mode = PLAIN
        self._channel = channel
        self._session = channel.session
        self._state = channel.session.state
        self._valid_properties = NO_PROPERTIES
        self._count = 0  # of publishes with confirms
        self._acked: list[int] = []
        self._nacked: list[int] = []
        self._one_by_one = False  # whether an ack must not cover a confirm that is lost
        self._publishes: list[_Pending] = []
        channel.at_end.append(self._drop_publishes)

    def publish(self, envelope: PublishEnvelope, properties: bytes, body: bytes) -> None:
        """Process a message.

        :raises Refusal: the exchange is missing, or the message is invalid
        """
        exchange = self.check(envelope, len(body))
        message = BrokerMessage(envelope.exchange, envelope.routing_key, properties, body)
        if properties != self._valid_properties:
            message = self._checked(message)
        if self.mode == TRANSACTIONS:
            self._state.memory.hold(message)
            self._publishes.append(_Pending(exchange, message, envelope.mandatory))
            message.forget_decoded()
            return
        accepted = self._route(exchange, message, envelope.mandatory)
        message.forget_decoded()
        if self.mode == CONFIRMS:
            self._count += 1
            self._confirm(self._count, accepted)

    def check(self, envelope: PublishEnvelope, size: int) -> Exchange:
        """Check the envelope and the announced size of a message; return the exchange.

        :param size: the size of the body, in bytes
        :raises Refusal: the exchange is missing or not permitted, or the body is too large
        """
        exchange = self._exchange(envelope.exchange)
        if envelope.immediate:
            raise Refusal(NOT_IMPLEMENTED, 'immediate=true')
        largest = self._state.limits.message_bytes_max
        if size > largest:
            raise Refusal(
                PRECONDITION_FAILED,
                f'message size {size} is larger than configured max size {largest}',
            )
        return exchange

    def _exchange(self, name: bytes) -> Exchange:
        session = self._session
        session.check('write', 'exchange', name)
        exchange = session.vhost.exchange(name)
        if exchange.internal:
            where = session.vhost.where('exchange', name)
            raise Refusal(ACCESS_REFUSED, f'cannot publish to internal {where}')
        return exchange

    def _checked(self, message: BrokerMessage) -> BrokerMessage:
        """Check the properties that the broker reads; return the message to route."""
        try:
            properties = message.decode()
            properties.get('content_type')  # decodes all
        except WireError:
            raise Refusal(INTERNAL_ERROR, '') from None  # RabbitMQ's channel crashes
        if message.flags & HEADERS:
            _check_finite(message)
        if not message.flags & _CHECKED:
            self._valid_properties = message.properties
        user = self._session.user.name
        if message.flags & USER_ID and shown(properties.user_id or b'') != user:
            raise Refusal(
                PRECONDITION_FAILED,
                f"user_id property set to '{shown(properties.user_id or b'')}' "
                f"but authenticated user was '{user}'",
            )
        if message.flags & EXPIRATION:
            milliseconds = str(read_expiration(properties.expiration or b'')).encode()
            if milliseconds != properties.expiration:
                message = message.changed(expiration=milliseconds)
        if message.flags & HEADERS:
            _check_copies(message)
            message.cc, message.bcc = _keys_of(message, _CC), _keys_of(message, _BCC)
        if message.flags & REPLY_TO and properties.reply_to == REPLY_QUEUE:
            if self._channel.reply_tag is None:
                raise Refusal(PRECONDITION_FAILED, 'fast reply consumer does not exist')
            return message.changed(reply_to=self._channel.reply_key)
        return message

    def _route(self, exchange: Exchange, message: BrokerMessage, mandatory: bool) -> bool:
        """Put a message into its queues; return False if it was refused."""
        state = self._state
        state.published.add(message)
        if self.mode == CONFIRMS and state.faults.nacks:
            state.faults.nacks -= 1
            return False
        if not exchange.name and message.routing_key.startswith(REPLY_PREFIX):
            return self._reply(message, mandatory)
        queues = self._session.vhost.route(exchange, message)
        if not queues and mandatory:
            self._return(message)
        if message.bcc:
            headers = [item for item in message.headers if item[0] != _BCC]
            message = message.changed(headers=headers)
        accepted = True
        for queue in queues:
            accepted = queue.publish(message) and accepted
        return accepted

    def _reply(self, message: BrokerMessage, mandatory: bool) -> bool:
        receiver = self._state.replies.get(message.routing_key)
        if receiver is not None:
            receiver.deliver_reply(message)
        elif mandatory:
            self._return(message)
        return True

    def _return(self, message: BrokerMessage) -> None:
        write_return(
            self._session.writer(),
            self._channel.number,
            NO_ROUTE,
            b'NO_ROUTE',
            message.exchange,
            message.routing_key,
        )
        self._channel.write_content(message.properties, message.body)

    # Confirms

    def _confirm(self, number: int, accepted: bool) -> None:
        faults = self._state.faults
        if faults.lost_confirms:
            faults.lost_confirms -= 1
            self._one_by_one = True
            return
        (self._acked if accepted else self._nacked).append(number)
        self._state.flushable[self] = None

    def flush(self) -> None:
        """Send the confirms of all messages that came together, in as few frames as possible."""
        acked, nacked = self._acked, self._nacked
        self._acked, self._nacked = [], []
        if not self._channel.is_open:
            return
        writer, channel = self._session.writer(), self._channel.number
        for number in nacked:
            write_nack(writer, channel, number, False, False)
        if self._one_by_one or len(acked) == 1:
            for number in acked:
                write_ack(writer, channel, number, False)
        elif acked:
            write_ack(writer, channel, acked[-1], True)

    # Transactions

    def settle_later(self, entries: list[tuple[int, Entry]], acked: bool, requeue: bool) -> bool:
        """Keep settlements for tx.commit; return False if the channel has no transactions."""
        if self.mode == TRANSACTIONS:
            self._channel.uncommitted.append((entries, acked, requeue))
        return self.mode == TRANSACTIONS

    def commit(self) -> None:
        """Carry out the publishes and the settlements since the last commit."""
        publishes, self._publishes = self._publishes, []
        settlements, self._channel.uncommitted = self._channel.uncommitted, []
        for each in publishes:
            self._route(each.exchange, each.message, each.mandatory)
            self._state.memory.release(each.message)
        for entries, acked, requeue in settlements:
            self._channel.settle([entry for _, entry in entries], acked, requeue)

    def rollback(self) -> None:
        """Drop the publishes since the last commit, and undo the settlements."""
        self._drop_publishes()
        self._channel.undo_settlements()

    def _drop_publishes(self) -> None:
        for each in self._publishes:
            self._state.memory.release(each.message)
        self._publishes = []


def read_expiration(value: bytes) -> int:
    """Read the property `expiration`, a number of milliseconds as text.

    :raises Refusal: it is not a number, negative or too large
    """
    text = shown(value)
    number = _NUMBER.match(text)
    if number is None:
        reason = 'no_integer'
    elif number.end() != len(text):
        reason = f'{{leftover_string,"{text[number.end() :]}"}}'
    elif int(number[0]) < 0:
        reason = f'{{value_negative,{int(number[0])}}}'
    elif int(number[0]) > _EXPIRATION_MAX:
        reason = f'{{value_too_large,{int(number[0])}}}'
    else:
        return int(number[0])
    raise Refusal(PRECONDITION_FAILED, f"invalid expiration '{text}': {reason}")


def _check_finite(message: BrokerMessage) -> None:
    """Check that the broker can encode the headers again.

    A float that is not finite crashes a channel of RabbitMQ.
    """
    if not is_finite(message.headers, 'F'):
        raise Refusal(INTERNAL_ERROR, '')


def _check_copies(message: BrokerMessage) -> None:
    """Check the types of CC and BCC."""
    for name, (_, letter) in message.headers:
        if name in (_CC, _BCC) and letter != 'A':
            raise Refusal(
                PRECONDITION_FAILED,
                'invalid message: {unacceptable_type_in_header,'
                f'"{shown(name)}",{TYPE_NAMES[letter]}}}',
            )


def _keys_of(message: BrokerMessage, header: bytes) -> tuple[bytes, ...]:
    """Return the routing keys of a header."""
    for name, (value, letter) in message.headers:
        if name == header and letter == 'A':
            return tuple(bytes(key) for key, kind in value if kind == 'S')
    return ()
