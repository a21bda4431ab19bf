"""A delivery as frames and back, for consumers that override `on_delivery`.

The core makes no frame objects. Here they are made of a message, shown to the subclass, and what it
passes on is put together again.
"""

from __future__ import annotations

from typing import Any

from coolamqp.attaches.delivery import Delivery
from coolamqp.framing.definitions import BasicDeliver, decode_method
from coolamqp.framing.frames import (
    METHOD_INDEX,
    AMQPBodyFrame,
    AMQPFrame,
    AMQPHeaderFrame,
    AMQPMethodFrame,
)
from coolamqp.framing.hot import BASIC, Envelope
from coolamqp.objects.message import body_size


def frames_of(delivery: Delivery, channel: int) -> list[AMQPFrame]:
    """Give a delivery as the frames it came in; a body in pieces is a frame a piece."""
    body = delivery.body
    pieces = body if isinstance(body, list) else [body]
    return [
        AMQPMethodFrame(channel, decode_method(delivery.envelope.payload)),
        AMQPHeaderFrame(channel, BASIC, 0, body_size(body), delivery.properties),
        *(AMQPBodyFrame(channel, piece) for piece in pieces if len(piece)),
    ]


class FrameAssembly:
    """Puts deliveries together from their frames."""

    def __init__(self) -> None:
        self._delivery: Delivery | None = None
        self._method: AMQPMethodFrame | None = None
        self._header: AMQPHeaderFrame | None = None
        self._missing = 0
        self._pieces: list[bytes] = []

    def begin(self, delivery: Delivery) -> None:
        """Take the delivery whose frames are going to come."""
        self._delivery = delivery

    def feed(self, frame: AMQPFrame) -> Delivery | None:
        """Take a frame; give the message if it is complete with it."""
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
        delivery, method, header = self._delivery, self._method, self._header
        self._delivery = None
        if delivery is None or method is None or header is None:
            return None  # not a delivery of ours
        payload = METHOD_INDEX.pack(*BasicDeliver.INDEX) + method.payload.encode_arguments()
        return delivery.remade(Envelope(payload), header.properties.encoded, self._body(delivery))

    def _body(self, delivery: Delivery) -> Any:
        if isinstance(delivery.body, list):
            return self._pieces
        return self._pieces[0] if len(self._pieces) == 1 else b''.join(self._pieces)
