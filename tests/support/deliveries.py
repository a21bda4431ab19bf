"""Received messages without a broker."""

from __future__ import annotations

from coolamqp.attaches.delivery import Delivery
from coolamqp.framing.definitions import BasicDeliver
from coolamqp.framing.frames import encode_method
from coolamqp.framing.hot import Envelope

PAYLOAD = bytes(encode_method(1, BasicDeliver(b'tag', 1, False, b'', b'key'))[7:-1])


class Refusable(Delivery):
    """A message that records its rejections, and the reasons of its retries."""

    def __init__(self, body: bytes, delivery_tag: int | None = 1) -> None:
        super().__init__(Envelope(PAYLOAD), b'\0\0', body, None, None)
        self.delivery_tag = delivery_tag
        self.refusals: list[bool] = []
        self.reasons: list[str] = []

    def nack(self, requeue: bool | int = True, multiple: bool | int = False) -> bool:
        self.refusals.append(bool(requeue))
        return True

    def retry(self, reason: str = '') -> bool:
        self.reasons.append(reason)
        return True

    def reject(self, requeue: bool | int = False) -> bool:
        self.refusals.append(bool(requeue))
        return True


def deliveries(count: int) -> list[Refusable]:
    """Return messages whose bodies are their numbers."""
    return [Refusable(b'%d' % number) for number in range(count)]
