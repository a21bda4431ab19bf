"""The errors of the broker, with the texts of RabbitMQ.

A soft error closes the channel, a hard error the connection (AMQP 0-9-1, section 1.1, constants).
"""

from __future__ import annotations

from typing import Final

from coolamqp import reply_codes
from coolamqp.exceptions import CoolAMQPError
from coolamqp.reply_codes import HARD_ERRORS

_NAMES: Final = {value: name for name, value in vars(reply_codes).items() if isinstance(value, int)}
_TEXT_BYTES_MAX: Final = 255
_ELLIPSIS: Final = b'...'


class Refusal(CoolAMQPError):
    """A request that the broker refuses.

    :param reply_code: the reply code of the close
    :param what: the reason; empty for none. The reply text is the name of the code and this reason
    """

    def __init__(self, reply_code: int, what: str) -> None:
        super().__init__(reply_code, what)
        self.reply_code = reply_code
        self.what = what

    @property
    def is_hard(self) -> bool:
        """Whether this error closes the connection, and not just the channel."""
        return self.reply_code in HARD_ERRORS

    @property
    def reply_text(self) -> bytes:
        """The reply text of the close, cut to 255 bytes as RabbitMQ does."""
        name = _NAMES.get(self.reply_code, 'ERROR')
        text = (f'{name} - {self.what}' if self.what else name).encode('utf-8', 'replace')
        if len(text) <= _TEXT_BYTES_MAX:
            return text
        return text[: _TEXT_BYTES_MAX - len(_ELLIPSIS)] + _ELLIPSIS

    def __str__(self) -> str:
        return self.reply_text.decode('utf-8', 'replace')


def shown(name: bytes) -> str:
    """Return a name as text."""
    return name.decode('utf-8', 'replace')


def resource(kind: str, name: bytes, vhost: str) -> str:
    """Return the description of an exchange or a queue in error messages."""
    return f"{kind} '{shown(name)}' in vhost '{vhost}'"
