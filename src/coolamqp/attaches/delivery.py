"""A message from a queue. It decodes its properties when a program reads them."""

from __future__ import annotations

from typing import Any, Protocol

from mypy_extensions import mypyc_attr

from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.promise import Promise
from coolamqp.attaches.publication import Publication
from coolamqp.framing.hot import Envelope
from coolamqp.framing.properties import ReceivedProperties
from coolamqp.framing.text import ReceivedBytes
from coolamqp.objects import Message, ReceivedMessage
from coolamqp.objects.message import Parts, Settlement
from coolamqp.objects.retries import next_address, next_attempt


class MessageOwner(Protocol):
    """The calls of a message to its Cluster. Any thread may make them."""

    def settle(self, ledger: AckLedger, delivery_tag: int, how: Settlement, multiple: bool) -> bool:
        """Settle a delivery, or all deliveries up to it. Return whether it counts."""

    def retry(self, ledger: AckLedger, delivery_tag: int, publication: Publication) -> bool:
        """Publish the copy of a delivery, then acknowledge it. Return whether it counts."""

    def publish_reply(self, answer: Message, routing_key: bytes) -> Promise:
        """Publish the reply to a request, with a confirm."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Delivery(ReceivedMessage):
    """A message from the broker. Any thread may settle it.

    :param ledger: the ledger for its acknowledgement; None if it needs none (no_ack)
    :param owner: the Cluster that received it
    """

    __slots__ = ('_encoded_properties', '_envelope', '_ledger', '_owner')

    def __init__(
        self,
        envelope: Envelope,
        properties: bytes,
        body: Any,
        ledger: AckLedger | None,
        owner: MessageOwner | None,
    ) -> None:
        self.body = body
        self._properties = None
        self.acked = False
        self._exchange_name = None
        self._routing_key = None
        self._headers = None
        self.delivery_tag = None if ledger is None else envelope.delivery_tag
        self._envelope = envelope
        self._encoded_properties = properties
        self._ledger = ledger
        self._owner = owner
        self._settlement = None
        self._counts = False

    def _find_properties(self) -> ReceivedProperties:
        return ReceivedProperties(self._encoded_properties)

    def _find_exchange_name(self) -> ReceivedBytes:
        return self._envelope.exchange

    def _find_routing_key(self) -> ReceivedBytes:
        return self._envelope.routing_key

    @property
    def redelivered(self) -> bool:
        """Whether the broker may have delivered this message before."""
        return self._envelope.redelivered

    @property
    def consumer_tag(self) -> ReceivedBytes | None:
        """The tag of the consumer that received the message; None after a fetch."""
        return self._envelope.consumer_tag or None

    def __reduce__(self) -> Parts:
        make, (cls, attributes) = super().__reduce__()
        for name in ('_envelope', '_encoded_properties'):
            attributes[name] = getattr(self, name)
        for name in ('_ledger', '_owner'):
            attributes[name] = None
        return make, (cls, attributes)

    def _settle(self, how: Settlement, multiple: bool) -> bool:
        if self._ledger is None or self._owner is None:
            return self.delivery_tag is None  # Otherwise this is a copy of a message.
        return self._owner.settle(self._ledger, self._envelope.delivery_tag, how, multiple)

    def _retry(self, reason: str) -> bool:
        ledger, owner = self._ledger, self._owner
        if ledger is None or owner is None or ledger.retry_queue is None:
            return super()._retry(reason)
        exchange, routing_key = next_address(ledger.retry_queue, self)
        copy = next_attempt(self, reason)
        publication = Publication(copy, exchange, routing_key, mandatory=True)
        return owner.retry(ledger, self._envelope.delivery_tag, publication)

    def _publish_reply(self, answer: Message, routing_key: bytes) -> Any:
        if self._owner is None:
            return super()._publish_reply(answer, routing_key)
        return self._owner.publish_reply(answer, routing_key)
