"""The exceptions of CoolAMQP.

`AMQPError` is a refusal by the broker, `ConnectionDead` the lack of a connection, `WireError` a
fault in the bytes of a peer. Knows the reply codes, and nothing of sockets, frames or threads.
"""

from __future__ import annotations

from typing import Any, Protocol

from coolamqp.reply_codes import HARD_ERRORS, NO_ROUTE, RESOURCE_LOCKED, SOFT_ERRORS

__all__ = [
    'HARD_ERRORS',
    'RESOURCE_LOCKED',
    'SOFT_ERRORS',
    'AMQPError',
    'ConnectionDead',
    'CoolAMQPError',
    'MessageRefused',
    'Returned',
    'TLSRefused',
    'TooFewChannels',
    'WireError',
]


class CoolAMQPError(Exception):
    """The base of all exceptions of CoolAMQP."""


class ConnectionDead(CoolAMQPError):
    """There is no connection, and the call needs one."""


class TLSRefused(ConnectionDead):
    """Broker and client do not agree on TLS, and another attempt will not help.

    One of them does not accept the certificate of the other, or only one of them speaks TLS on
    this port.
    """


class TooFewChannels(ConnectionDead):
    """The broker, or `channel_max` of the node, allows fewer channels than CoolAMQP needs.

    :param allowed: the number of channels that a connection may have
    :param needed: the number of channels that CoolAMQP needs before it has a consumer
    """

    def __init__(self, allowed: int, needed: int) -> None:
        super().__init__(
            f'a connection may have {allowed} channel{"s"[: allowed > 1]}, but CoolAMQP needs '
            f'{needed}, and one for each consumer; raise channel_max in the configuration of '
            f'RabbitMQ, or that of the node'
        )


class WireError(CoolAMQPError):
    """The bytes of a peer violate AMQP 0-9-1.

    :ivar what: the fault
    :ivar where: the place of the fault in the stream, frame or method
    :ivar reply_code: the reply code with which to close the connection
    """

    def __init__(self, what: str, where: str, reply_code: int) -> None:
        super().__init__(what, where, reply_code)
        self.what = what
        self.where = where
        self.reply_code = reply_code

    def __str__(self) -> str:
        return f'{self.what}, {self.where} (reply code {self.reply_code})'


class CloseReason(Protocol):
    """The fields that `AMQPError` reads from a `ConnectionClose` or `ChannelClose` method."""

    reply_code: int
    reply_text: bytes | str
    class_id: int
    method_id: int


class AMQPError(CoolAMQPError):
    """A refusal by the broker, with its reason.

    Made from a close method, or from its four fields.

    :ivar reply_code: one of the codes in `coolamqp.framing.definitions`
    :ivar reply_text: the reason in the words of the broker
    :ivar class_id: class id of the refused method, 0 if the refusal names none
    :ivar method_id: method id of the refused method, 0 if the refusal names none
    """

    reply_code: int
    reply_text: bytes | str
    class_id: int
    method_id: int

    def __init__(
        self,
        reply_code: int | CloseReason,
        reply_text: bytes | str = b'',
        class_id: int = 0,
        method_id: int = 0,
    ) -> None:
        if not isinstance(reply_code, int):
            reason = reply_code
            reply_code, reply_text = reason.reply_code, reason.reply_text
            class_id, method_id = reason.class_id, reason.method_id
        super().__init__(reply_code, reply_text, class_id, method_id)
        self.reply_code = reply_code
        self.reply_text = reply_text
        self.class_id = class_id
        self.method_id = method_id

    def is_hard_error(self) -> bool:
        """Whether this error closes the connection, and not just a channel."""
        return self.reply_code in HARD_ERRORS

    def _text(self) -> str:
        if isinstance(self.reply_text, str):
            return self.reply_text
        return bytes(self.reply_text).decode('utf-8', 'backslashreplace')

    def __str__(self) -> str:
        return f'{self.reply_code}: {self._text()}'

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}({self.reply_code}, {self._text()!r}, '
            f'class_id={self.class_id}, method_id={self.method_id})'
        )


class MessageRefused(CoolAMQPError):
    """The broker has refused a message (`basic.nack`), for instance because its queue is full."""

    def __init__(self, text: str = 'the broker has refused the message (basic.nack)') -> None:
        super().__init__(text)


class Returned(AMQPError):
    """The broker has returned a mandatory message, which it could route to no queue.

    :ivar message: the returned message, a `ReceivedMessage`
    """

    def __init__(
        self, message: Any, reply_code: int = NO_ROUTE, reply_text: bytes | str = b'NO_ROUTE'
    ) -> None:
        super().__init__(reply_code, reply_text, *_BASIC_RETURN)
        self.args = (message, reply_code, reply_text)  # a pickle makes it anew from these
        self.message = message

    def __str__(self) -> str:
        message = self.message
        return (
            f'{super().__str__()}: no queue receives messages published to exchange '
            f'{_shown(message.exchange_name)} with routing key {_shown(message.routing_key)}'
        )


_BASIC_RETURN = (60, 50)


def _shown(name: bytes | str) -> str:
    return repr(name if isinstance(name, str) else bytes(name).decode('utf-8', 'backslashreplace'))
