"""Conversion between deliveries and frames, for consumers that override `on_delivery`.

The engine makes no frame objects. This module makes them from a delivery for the subclass. It
assembles a message from the frames that the subclass passes on.
"""

from __future__ import annotations

from typing import Any

from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.delivery import Delivery, MessageOwner
from coolamqp.framing.definitions import BasicDeliver, decode_method
from coolamqp.framing.frames import (
    METHOD_INDEX,
    AMQPBodyFrame,
    AMQPFrame,
    AMQPHeaderFrame,
    AMQPMethodFrame,
)
from coolamqp.framing.hot import BASIC, BASIC_DELIVER, Envelope
from coolamqp.framing.properties import ReceivedProperties
from coolamqp.objects.message import body_size


def frames_of(envelope: Envelope, properties: bytes, body: Any, channel: int) -> list[AMQPFrame]:
    """Return the frames of a delivery, with a body frame for each piece of the body."""
    pieces = body if isinstance(body, list) else [body]
    return [
        AMQPMethodFrame(channel, decode_method(envelope.payload)),
        AMQPHeaderFrame(channel, BASIC, 0, body_size(body), ReceivedProperties(properties)),
        *(AMQPBodyFrame(channel, piece) for piece in pieces if len(piece)),
    ]


class FrameAssembly:
    """The assembly of deliveries from the frames that a subclass passes on."""

    def __init__(self) -> None:
        self._expected = False
        self._in_pieces = False
        self._ledger: AckLedger | None = None
        self._owner: MessageOwner | None = None
        self._method: AMQPMethodFrame | None = None
        self._header: AMQPHeaderFrame | None = None
        self._missing = 0
        self._pieces: list[bytes] = []

    def begin(
        self, ledger: AckLedger | None, owner: MessageOwner | None, *, in_pieces: bool
    ) -> None:
        """Start the assembly of a delivery.

        :param ledger: the ledger for its acknowledgement
        :param owner: the Cluster that received it
        :param in_pieces: whether the body stays a list of pieces
        """
        self._expected = True
        self._in_pieces = in_pieces
        self._ledger = ledger
        self._owner = owner

    def feed(self, frame: AMQPFrame) -> Delivery | None:
        """Add a frame. Return the message if the frame completes it, otherwise None."""
        if isinstance(frame, AMQPMethodFrame):
            self._method, self._header, self._pieces = frame, None, []
            return None
        if isinstance(frame, AMQPHeaderFrame):
            self._header, self._missing = frame, frame.body_size
        elif isinstance(frame, AMQPBodyFrame):
            self._pieces.append(frame.data)
            self._missing -= len(frame.data)
        return None if self._missing > 0 else self._finish()

    def _finish(self) -> Delivery | None:
        expected, self._expected = self._expected, False
        method, header = self._method, self._header
        if not expected or method is None or header is None:
            return None  # The program calls `on_delivery` without a delivery.
        payload = METHOD_INDEX.pack(*BasicDeliver.INDEX) + method.payload.encode_arguments()
        properties = header.properties.encoded
        return Delivery(
            Envelope(payload, BASIC_DELIVER), properties, self._body(), self._ledger, self._owner
        )

    def _body(self) -> Any:
        if self._in_pieces:
            return self._pieces
        return self._pieces[0] if len(self._pieces) == 1 else b''.join(self._pieces)
