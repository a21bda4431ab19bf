"""What can go wrong, as exceptions.

`AMQPError` is the broker's refusal, `ConnectionDead` the lack of a broker to ask, `WireError`
bytes that are not AMQP. Knows the reply codes, and nothing of sockets, frames or threads.
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
    'WireError',
]


class CoolAMQPError(Exception):
    """Anything that CoolAMQP raises on its own account."""


class ConnectionDead(CoolAMQPError):
    """There is no connection, and what was asked for needed one."""


class TLSRefused(ConnectionDead):
    """Broker and client do not agree on TLS, and will not by trying again.

    A certificate that one of them does not accept, or a port that speaks TLS when it should not,
    or does not when it should.
    """


class WireError(CoolAMQPError):
    """Bytes that are not the AMQP 0-9-1 they should be.

    :ivar what: what is wrong with them
    :ivar where: where in the stream, frame or method that was found
    :ivar reply_code: the reply code with which such a connection deserves to be closed
    """

    def __init__(self, what: str, where: str, reply_code: int) -> None:
        super().__init__(what, where, reply_code)
        self.what = what
        self.where = where
        self.reply_code = reply_code

    def __str__(self) -> str:
        return f'{self.what}, {self.where} (reply code {self.reply_code})'


class CloseReason(Protocol):
    """What `AMQPError` reads from a `ConnectionClose` or `ChannelClose` method."""

    reply_code: int
    reply_text: bytes | str
    class_id: int
    method_id: int


class AMQPError(CoolAMQPError):
    """The broker refused something, and said why.

    Made from a close method, or from its four fields.

    :ivar reply_code: one of the codes in `coolamqp.framing.definitions`
    :ivar reply_text: the broker's words, as they were given
    :ivar class_id: class of the method that was refused, 0 if it was none in particular
    :ivar method_id: method that was refused, likewise
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
    """A message that was published as mandatory came back: no queue was there to take it.

    :ivar message: the message as it came back, a `ReceivedMessage`
    """

    def __init__(
        self, message: Any, reply_code: int = NO_ROUTE, reply_text: bytes | str = b'NO_ROUTE'
    ) -> None:
        super().__init__(reply_code, reply_text, *_BASIC_RETURN)
        self.args = (message, reply_code, reply_text)  # from which a pickle makes it anew
        self.message = message

    def __str__(self) -> str:
        message = self.message
        return (
            f'{super().__str__()}: no queue takes what is published to exchange '
            f'{_shown(message.exchange_name)} with routing key {_shown(message.routing_key)}'
        )


_BASIC_RETURN = (60, 50)


def _shown(name: bytes | str) -> str:
    return repr(name if isinstance(name, str) else bytes(name).decode('utf-8', 'backslashreplace'))
