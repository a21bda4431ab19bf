"""Returned messages, which wait for the confirm of the same publication.

A `basic.return` has no delivery tag. It comes before the confirm of the same message
(https://www.rabbitmq.com/docs/publishers#unroutable). So the returned publication is the first
confirmed one with the same content. If several have the same content, any of them will do.
"""

from __future__ import annotations

from typing import Any

from coolamqp.attaches.publication import Publication
from coolamqp.exceptions import Returned
from coolamqp.framing.definitions import BasicReturn
from coolamqp.framing.field_table import plain_table
from coolamqp.framing.properties import PROPERTY_NAMES, ReceivedProperties
from coolamqp.framing.text import ReceivedBytes, text_bytes
from coolamqp.objects import MessageProperties, ReceivedMessage


def returned(method: BasicReturn, properties: bytes, body: Any) -> Returned:
    """Return the error for a `basic.return`."""
    message = ReceivedMessage(
        body,
        ReceivedBytes(text_bytes(method.exchange, 'exchange')),
        ReceivedBytes(text_bytes(method.routing_key, 'routing_key')),
        ReceivedProperties(properties),
    )
    return Returned(message, method.reply_code, method.reply_text)


class Returns:
    """The returned and not yet confirmed messages of one channel."""

    def __init__(self) -> None:
        self._errors: list[Returned] = []

    def enter(self, error: Returned) -> None:
        """Add a returned message."""
        self._errors.append(error)

    def take(self, publication: Publication) -> Returned | None:
        """Remove and return the error of a settled publication; None if it was not returned."""
        alike = [error for error in self._errors if _is_alike(error.message, publication)]
        for is_same in (_has_equal_properties, _has_no_other_properties):
            for error in alike:
                if is_same(error.message, ReceivedProperties(publication.properties)):
                    self._errors.remove(error)
                    return error
        return None

    def clear(self) -> list[Returned]:
        """Remove and return the remaining errors, which belong to no publication."""
        rest, self._errors = self._errors, []
        return rest


def _is_alike(message: ReceivedMessage, publication: Publication) -> bool:
    return bool(
        message.routing_key == publication.routing_key
        and message.exchange_name == publication.exchange
        and message.body == publication.body
    )


def _has_equal_properties(message: ReceivedMessage, ours: MessageProperties) -> bool:
    """Whether the decoded properties are equal: RabbitMQ 4 changes the order of headers."""
    theirs = message.properties
    if theirs.encoded == ours.encoded:
        return True
    same = theirs.replace(headers=None) == ours.replace(headers=None)
    return same and message.headers == plain_table(ours.headers or ())


def _has_no_other_properties(message: ReceivedMessage, ours: MessageProperties) -> bool:
    """Whether the common properties are equal: a broker removes the header BCC and may add some."""
    theirs = message.properties
    names = (name for name in PROPERTY_NAMES if name != 'headers')
    values = ((theirs.get(name), ours.get(name)) for name in names)
    headers, our_headers = message.headers, plain_table(ours.headers or ())
    return all(value in (None, their) for their, value in values) and all(
        headers[name] == our_headers[name] for name in headers.keys() & our_headers.keys()
    )
