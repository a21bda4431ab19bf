"""Mandatory messages that came back, until their confirm says which publication each was.

A `basic.return` names no delivery tag. It comes before the confirm of the same message
(https://www.rabbitmq.com/docs/publishers#unroutable), so the first equal publication to be
confirmed is the one that came back; and of publications that are equal it does not matter which.
"""

from __future__ import annotations

from typing import Any

from coolamqp.attaches.publication import Publication
from coolamqp.exceptions import Returned
from coolamqp.framing.definitions import BasicReturn
from coolamqp.framing.field_table import plain_table
from coolamqp.framing.properties import PROPERTY_NAMES, received_properties
from coolamqp.framing.text import ReceivedBytes, text_bytes
from coolamqp.objects import MessageProperties, ReceivedMessage


def returned(method: BasicReturn, properties: bytes, body: Any) -> Returned:
    """Make the error that a `basic.return` means."""
    message = ReceivedMessage(
        body,
        ReceivedBytes(text_bytes(method.exchange, 'exchange')),
        ReceivedBytes(text_bytes(method.routing_key, 'routing_key')),
        received_properties(properties),
    )
    return Returned(message, method.reply_code, method.reply_text)


class Returns:
    """What has come back on one channel, and was not confirmed yet."""

    def __init__(self) -> None:
        self._errors: list[Returned] = []

    def enter(self, error: Returned) -> None:
        """Note what has come back."""
        self._errors.append(error)

    def take(self, publication: Publication) -> Returned | None:
        """Take out the error of a publication that is settled, if it came back."""
        alike = [error for error in self._errors if _is_alike(error.message, publication)]
        for is_same in (_has_equal_properties, _has_no_other_properties):
            for error in alike:
                if is_same(error.message, received_properties(publication.properties)):
                    self._errors.remove(error)
                    return error
        return None

    def clear(self) -> list[Returned]:
        """Give what belongs to no publication, and forget it."""
        rest, self._errors = self._errors, []
        return rest


def _is_alike(message: ReceivedMessage, publication: Publication) -> bool:
    return bool(
        message.routing_key == publication.routing_key
        and message.exchange_name == publication.exchange
        and message.body == publication.body
    )


def _has_equal_properties(message: ReceivedMessage, ours: MessageProperties) -> bool:
    """Compare what the properties mean: RabbitMQ 4 writes headers anew, in another order."""
    theirs = message.properties
    if theirs.encoded == ours.encoded:
        return True
    same = theirs.replace(headers=None) == ours.replace(headers=None)
    return same and message.headers == plain_table(ours.headers or ())


def _has_no_other_properties(message: ReceivedMessage, ours: MessageProperties) -> bool:
    """Compare what both have: a broker takes the header BCC away, and may be told to add some."""
    theirs = message.properties
    names = (name for name in PROPERTY_NAMES if name != 'headers')
    values = ((theirs.get(name), ours.get(name)) for name in names)
    headers, our_headers = message.headers, plain_table(ours.headers or ())
    return all(value in (None, their) for their, value in values) and all(
        headers[name] == our_headers[name] for name in headers.keys() & our_headers.keys()
    )
