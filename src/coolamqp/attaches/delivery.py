"""A message as it was delivered: decoded when it is looked at, settled through its ledger."""

from __future__ import annotations

from typing import Any

from mypy_extensions import mypyc_attr

from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.effects import Face
from coolamqp.framing.hot import Envelope
from coolamqp.framing.properties import BasicContentPropertyList, received_properties
from coolamqp.framing.text import Text
from coolamqp.objects import Message, ReceivedMessage
from coolamqp.objects.message import Settlement


@mypyc_attr(allow_interpreted_subclasses=True)
class Delivery(ReceivedMessage):
    """A message from the broker. Acknowledging it may be done from any thread.

    :param ledger: where its settlement is entered; None for a no_ack consumer
    """

    __slots__ = ('_encoded_properties', '_envelope', '_face', '_ledger')

    def __init__(
        self,
        envelope: Envelope,
        properties: bytes,
        body: Any,
        ledger: AckLedger | None,
        face: Face | None,
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
        self._face = face
        self._settled = False

    def _find_properties(self) -> BasicContentPropertyList:
        return received_properties(self._encoded_properties)

    def _find_exchange_name(self) -> Text:
        return self._envelope.exchange

    def _find_routing_key(self) -> Text:
        return self._envelope.routing_key

    @property
    def redelivered(self) -> bool:
        """Whether the broker may have delivered this message before."""
        return self._envelope.redelivered

    @property
    def consumer_tag(self) -> Text | None:
        """The tag of the consumer that it was delivered to; None for one that was fetched."""
        return self._envelope.consumer_tag or None

    @property
    def envelope(self) -> Envelope:
        """The method that announced it."""
        return self._envelope

    def remade(self, envelope: Envelope, properties: bytes, body: Any) -> Delivery:
        """Give the same delivery with other contents, settled in the same ledger."""
        return Delivery(envelope, properties, body, self._ledger, self._face)

    def _settle(self, how: Settlement, multiple: bool) -> None:
        if self._ledger is not None and self._face is not None:
            self._face.settle(self._ledger, self._envelope.delivery_tag, how, multiple)

    def _publish_reply(self, answer: Message, routing_key: bytes) -> Any:
        if self._face is None:
            return super()._publish_reply(answer, routing_key)
        return self._face.publish_reply(answer, routing_key)
