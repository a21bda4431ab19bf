"""Publications from what a program publishes: checked, and encoded as far as possible."""

from __future__ import annotations

from typing import Any, TypeAlias

from coolamqp.attaches.publication import Publication
from coolamqp.framing.text import Text, short_bytes
from coolamqp.objects import Exchange, Message
from coolamqp.objects.topology import exchange_name

# A message, perhaps with an exchange and a routing key of its own.
Addressed: TypeAlias = Message | tuple[Message, Exchange | Text | None, Text]


# Any, since the compiled form would refuse a wrong type before we can say what would be right.
def publication_of(
    message: Any, exchange: Exchange | Text | None, routing_key: Any, mandatory: Any
) -> Publication:
    """Return the publication of a message.

    :raises TypeError: an argument has the wrong type
    :raises ValueError: a name is over 255 bytes long
    """
    if not isinstance(message, Message):
        raise TypeError(f'message must be a Message, not {type(message).__name__}')
    key = short_bytes(routing_key, 'routing_key')
    return Publication(message, exchange_name(exchange), key, bool(mandatory))


def publication_of_item(
    item: Any, exchange: Exchange | Text | None, routing_key: Any, mandatory: Any
) -> Publication:
    """Return the publication of an item of `publish_many`, which may have its own address."""
    if isinstance(item, tuple):
        if len(item) != 3:  # noqa: PLR2004 - message, exchange, routing key
            raise TypeError(f'an item must be a Message or (message, exchange, key), not {item!r}')
        item, exchange, routing_key = item
    return publication_of(item, exchange, routing_key, mandatory)
