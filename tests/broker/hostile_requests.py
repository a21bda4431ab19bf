"""Requests that random clients make: most of them make sense, so that the broker gets far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coolamqp.broker.channel import Channel
from coolamqp.broker.channel_frames import ChannelFrames
from coolamqp.broker.publishing import PLAIN, TRANSACTIONS
from coolamqp.framing.definitions import (
    BasicAck,
    BasicCancel,
    BasicConsume,
    BasicGet,
    BasicNack,
    BasicPublish,
    BasicQos,
    BasicRecover,
    BasicReject,
    ChannelClose,
    ChannelOpen,
    ConfirmSelect,
    ExchangeBind,
    ExchangeDeclare,
    ExchangeDelete,
    ExchangeUnbind,
    QueueBind,
    QueueDeclare,
    QueueDelete,
    QueuePurge,
    QueueUnbind,
    TxCommit,
    TxRollback,
    TxSelect,
)
from coolamqp.framing.frames import encode_frame, encode_method
from coolamqp.framing.method import Method
from coolamqp.framing.primitives import LONG
from tests.broker import hostile_values as values
from tests.broker.hostile_values import (
    CHANNELS,
    EXCHANGES,
    KEYS,
    QUEUES,
    QUORUM,
    RARE,
    SOURCES,
    STREAM,
    TAGS,
    HostileValues,
)
from tests.broker.rig import Client


class HostileRequests(HostileValues):
    """Makes the bytes of requests."""

    def bytes_of(self, client: Client) -> bytes:
        """Return a request of a client: a method, or a message."""
        return self.spoiled(self._bytes_of(client))

    def _bytes_of(self, client: Client) -> bytes:
        channels: dict[int, Any] = client.connection._channels
        number = self.dice.choice(list(channels) or CHANNELS)
        frames = channels.get(number)
        if frames is None or self.chance(RARE / 4):
            return encode_method(self.dice.choice(CHANNELS), ChannelOpen())
        assert isinstance(frames, ChannelFrames)
        if self.chance(0.4):
            return self.publish(number)
        return encode_method(number, self.method(frames))

    def garbage(self, client: Client) -> bytes:
        """Return bytes that are no frames, or damaged frames."""
        dice = self.dice
        frame = bytearray(self.bytes_of(client))
        number = dice.choice((0, *CHANNELS))
        flipped = bytearray(frame)
        flipped[dice.randrange(len(frame))] ^= 1 << dice.randrange(8)
        size = LONG.pack(dice.choice((2**32 - 1, 131073)))
        return dice.choice(
            (
                dice.randbytes(dice.randrange(1, 200)),
                bytes(frame[: dice.randrange(len(frame))]),
                bytes(flipped),
                encode_frame(dice.choice((1, 2, 3, 8)), number, dice.randbytes(dice.randrange(40))),
                bytes([dice.choice((1, 2, 3))]) + b'\0\1' + size,
                encode_method(number, self.any_method()),
                encode_method(number, self.any_method()),
            )
        )

    def publish(self, channel: int) -> bytes:
        """Return a message, which may break off or have a malformed content."""
        dice = self.dice
        by_queue = self.chance(0.5)
        method = BasicPublish(
            '' if by_queue else self.name(SOURCES),
            dice.choice(QUEUES if by_queue else KEYS),
            self.chance(0.2),
            self.chance(RARE / 10),
        )
        body = dice.randbytes(dice.choice((0, 1, 10, 1000, 5000)))
        size = len(body)
        if self.chance(RARE / 4):
            size = dice.choice((2**63, 2**64 - 1, 0, 600 * 1024 * 1024, 1))
        header = b'\0\x3c\0\0' + size.to_bytes(8, 'big') + self.properties()
        pieces = [encode_method(channel, method), encode_frame(2, channel, header)]
        while body:
            count = dice.choice((1, 100, 5000))
            pieces.append(encode_frame(3, channel, body[:count]))
            body = body[count:]
        if self.chance(RARE / 2):
            del pieces[dice.randrange(1, len(pieces)) :]
        return b''.join(pieces)

    def method(self, frames: ChannelFrames) -> Method:
        """Return a method that makes sense on a channel, or not."""
        channel = frames.channel
        known = [name.decode('utf-8', 'replace') for name in channel.session.vhost.queues]
        if len(known) < len(QUEUES) and self.chance(0.5):
            return self._declare_queue()
        if channel.unacked and self.chance(0.4):
            return self._settle(channel)
        mode = frames._publishing.mode
        if mode == PLAIN and self.chance(0.03):
            return self.dice.choice((ConfirmSelect(), TxSelect()))
        if mode == TRANSACTIONS and self.chance(0.2):
            return self.dice.choice((TxCommit(), TxCommit(), TxRollback()))
        return self.dice.choice(_MAKERS)(self)

    def _settle(self, channel: Channel) -> Method:
        tag = self.dice.choice((0, *channel.unacked))
        several = not tag or self.chance(0.3)
        if self.chance(RARE):
            tag = self.dice.choice((0, 1, 2**64 - 1))
        return self.dice.choice(
            (
                BasicAck(tag, several),
                BasicAck(tag, several),
                BasicNack(tag, several, self.chance(0.5)),
                BasicReject(tag, self.chance(0.5)) if tag else BasicNack(0, True, False),
            )
        )

    # Methods

    def _declare_queue(self) -> Method:
        name = self.name((*QUEUES, *QUEUES, ''))
        if name == STREAM:
            arguments = {**self.arguments(values.STREAM_ARGUMENTS, 0.3), 'x-queue-type': 'stream'}
            return QueueDeclare(name, durable=True, arguments=arguments)
        if name == QUORUM:
            arguments = {**self.arguments(values.QUORUM_ARGUMENTS, 0.3), 'x-queue-type': 'quorum'}
            return QueueDeclare(name, durable=True, arguments=arguments)
        arguments = self.arguments(values.QUEUE_ARGUMENTS, 0.25)
        if 'x-dead-letter-exchange' in arguments and self.chance(0.7):
            arguments['x-dead-letter-routing-key'] = self.dice.choice(QUEUES)
        return QueueDeclare(
            name,
            durable=self.chance(0.5),
            exclusive=self.chance(0.15),
            auto_delete=self.chance(0.2),
            no_wait=self.chance(0.1),
            arguments=arguments,
        )

    def _look(self) -> Method:
        return QueueDeclare(self.name(QUEUES), passive=True)

    def _declare_exchange(self) -> Method:
        name = self.name(tuple(EXCHANGES))
        type_ = EXCHANGES.get(name, 'fanout')
        arguments = self.arguments(values.EXCHANGE_ARGUMENTS, 0.3)
        return ExchangeDeclare(
            name,
            type_,
            durable=self.chance(0.8),
            auto_delete=self.chance(0.2),
            internal=self.chance(0.05),
            no_wait=self.chance(0.1),
            arguments=arguments,
        )

    def _binding(self, cls: Any, destinations: tuple[str, ...]) -> Method:
        arguments = self.arguments(values.BINDING_ARGUMENTS, 0.15)
        source, key = self.name(SOURCES), self.dice.choice(KEYS)
        method: Method = cls(self.name(destinations), source, key, arguments=arguments)
        return method

    def _consume(self) -> Method:
        name = self.name((*QUEUES, *QUEUES, 'amq.rabbitmq.reply-to'))
        no_ack = self.chance(0.2) or name == 'amq.rabbitmq.reply-to'
        return BasicConsume(
            name,
            self.dice.choice(('', '', *TAGS)),
            no_ack=no_ack and name != STREAM,
            exclusive=self.chance(0.03),
            no_wait=self.chance(0.1),
            arguments=self.arguments(values.CONSUMER_ARGUMENTS, 0.15),
        )

    def _get(self) -> Method:
        return BasicGet(self.dice.choice(QUEUES[:4]), no_ack=self.chance(0.3))

    def _qos(self) -> Method:
        return BasicQos(0, self.dice.choice((0, 1, 1, 2, 10)), self.chance(0.3))

    def _rare(self) -> Method:
        return self.dice.choice(
            (
                QueueDelete(self.name(QUEUES), self.chance(0.3), self.chance(0.3)),
                ExchangeDelete(self.name(SOURCES), self.chance(0.5)),
                QueuePurge(self.name(QUEUES)),
                ChannelClose(200, 'done', 0, 0),
                self.any_method(),
            )
        )


_Maker = Callable[[HostileRequests], Method]
_MAKERS: tuple[_Maker, ...] = (
    HostileRequests._declare_exchange,
    HostileRequests._look,
    lambda make: make._binding(QueueBind, QUEUES),
    lambda make: make._binding(QueueBind, QUEUES),
    lambda make: make._binding(QueueUnbind, QUEUES),
    lambda make: make._binding(ExchangeBind, SOURCES),
    lambda make: make._binding(ExchangeUnbind, SOURCES),
    HostileRequests._consume,
    HostileRequests._consume,
    HostileRequests._consume,
    HostileRequests._get,
    HostileRequests._get,
    HostileRequests._qos,
    lambda make: BasicRecover(not make.chance(RARE)),
    lambda make: BasicCancel(make.dice.choice(TAGS)),
    HostileRequests._rare,
)
