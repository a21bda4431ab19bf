"""The ledger of delivery tags on one channel: what is settled and not yet told to the broker.

Acks are collected, and at the flush what has become contiguous goes out as one `basic.ack` with
`multiple`; the rest one by one (https://www.rabbitmq.com/docs/confirms#consumer-acks-multiple-parameter).
When its channel is gone a ledger is void: the broker has requeued, and settling means nothing.
"""

from __future__ import annotations

from enum import IntEnum

from coolamqp.framing.hot import encode_ack, encode_nack
from coolamqp.uplink.channel import Channel


class Settlement(IntEnum):
    """What is to become of a delivery."""

    ACK = 0
    REQUEUE = 1


class AckLedger:
    """Collects settlements for one life of a channel.

    :param dirty: list to which the ledger adds itself when it has something to flush
    """

    def __init__(self, channel: Channel, dirty: list[AckLedger]) -> None:
        self._channel: Channel | None = channel
        self._dirty = dirty
        self._is_dirty = False
        self._next = 1  # lowest delivery tag that the broker does not know to be settled
        self._acked: set[int] = set()  # to be told
        self._requeued: list[int] = []  # to be told
        self._told: set[int] = set()  # known to the broker, at or over `_next`

    @property
    def void(self) -> bool:
        """Whether the channel is gone."""
        return self._channel is None

    def make_void(self) -> None:
        """Note that the channel is gone."""
        self._channel = None
        self._acked.clear()
        self._requeued.clear()
        self._told.clear()

    def settle(self, delivery_tag: int, how: Settlement) -> bool:
        """Enter a settlement; False if it means nothing any more."""
        if self._channel is None:
            return False
        if how is Settlement.ACK:
            self._acked.add(delivery_tag)
        else:
            self._requeued.append(delivery_tag)
        if not self._is_dirty:
            self._is_dirty = True
            self._dirty.append(self)
        return True

    def flush(self) -> None:
        """Tell the broker what has been entered."""
        self._is_dirty = False
        channel = self._channel
        if channel is None:
            return
        for tag in self._requeued:
            channel.write([encode_nack(channel.number, tag, multiple=False, requeue=True)])
        self._told.update(self._requeued)
        self._requeued.clear()
        self._flush_contiguous(channel)
        for tag in sorted(self._acked):
            channel.write([encode_ack(channel.number, tag, multiple=False)])
        self._told |= self._acked
        self._acked.clear()

    def _flush_contiguous(self, channel: Channel) -> None:
        newly_acked = 0
        last = 0
        tag = self._next
        while True:
            if tag in self._acked:
                self._acked.remove(tag)
                newly_acked += 1
                last = tag
            elif tag in self._told:
                self._told.remove(tag)
            else:
                break
            tag += 1
        self._next = tag
        if newly_acked:
            channel.write([encode_ack(channel.number, last, multiple=newly_acked > 1)])
