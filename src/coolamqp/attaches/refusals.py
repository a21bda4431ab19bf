"""The exchange that a refusal of RabbitMQ names in its text.

A channel error for a publication does not say which one was refused, but the text often names the
exchange. It is a hint only, since other brokers and versions use other words.
"""

from __future__ import annotations

import re
from typing import Final

from coolamqp.exceptions import AMQPError
from coolamqp.framing.text import text_bytes

_ANY: Final = re.compile(rb"exchange '(.*)' in vhost", re.DOTALL)
_WHOLE: Final = re.compile(rb"(?:no|access to) exchange '(.*)' in vhost", re.DOTALL)


def exchange_in(error: AMQPError) -> bytes | None:
    """Return the name of the exchange in a refusal; None if the refusal names none."""
    return _search(_ANY, error)


def whole_exchange_in(error: AMQPError) -> bytes | None:
    """Return the name of an exchange that is missing or forbidden; None if it is another error."""
    return _search(_WHOLE, error)


def _search(pattern: re.Pattern[bytes], error: AMQPError) -> bytes | None:
    found = pattern.search(text_bytes(error.reply_text, 'reply_text'))
    return None if found is None else found[1]
