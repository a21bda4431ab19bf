"""The ledger of delivery tags on one channel: what is settled and not yet told to the broker.

Acks are collected, and at the flush what has become contiguous goes out as one `basic.ack` with
`multiple`; the rest one by one (https://www.rabbitmq.com/docs/confirms#consumer-acks-multiple-parameter).
When its channel is gone a ledger is void: the broker has requeued, and settling means nothing.
"""

from __future__ import annotations

from coolamqp.objects.message import Settlement
from coolamqp.uplink.channel import Channel


class AckLedger:
    """Collects settlements for one life of a channel.

    :param dirty: list to which the ledger adds itself when it has something to flush
    """

    def __init__(self, channel: Channel, dirty: list[AckLedger]) -> None:
        self._channel: Channel | None = channel
        self._dirty = dirty
        self._is_dirty = False
        # Delivered and not settled, lowest first; as many as the prefetch count at the most.
        self._outstanding: dict[int, None] = {}
        self._acked: list[int] = []  # to be told
        self._refused: list[tuple[int, Settlement]] = []  # to be told, and how

    @property
    def settled(self) -> bool:
        """Whether everything that was delivered is settled."""
        return not self._outstanding

    def make_void(self) -> None:
        """Note that the channel is gone."""
        self._channel = None
        self._outstanding.clear()
        self._acked.clear()
        self._refused.clear()

    def enter(self, delivery_tag: int) -> None:
        """Note a delivery."""
        self._outstanding[delivery_tag] = None

    def settle(self, delivery_tag: int, how: Settlement, multiple: bool = False) -> bool:
        """Enter a settlement; False if it means nothing any more.

        :param multiple: whether to settle everything up to the tag
        """
        if not multiple:
            return self._settle(delivery_tag, how)
        tags = [tag for tag in self._outstanding if tag <= delivery_tag]
        for tag in tags:
            self._settle(tag, how)
        return bool(tags)

    def _settle(self, delivery_tag: int, how: Settlement) -> bool:
        if delivery_tag not in self._outstanding:
            return False
        del self._outstanding[delivery_tag]
        if how is Settlement.ACK:
            self._acked.append(delivery_tag)
        else:
            self._refused.append((delivery_tag, how))
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
        for tag, how in self._refused:
            _refuse(channel, tag, how)
        self._refused.clear()
        self._flush_acks(channel)

    def _flush_acks(self, channel: Channel) -> None:
        lowest = next(iter(self._outstanding), None)
        contiguous = [tag for tag in self._acked if lowest is None or tag < lowest]
        single = [tag for tag in self._acked if lowest is not None and tag > lowest]
        self._acked.clear()
        if contiguous:
            channel.ack(max(contiguous), multiple=len(contiguous) > 1)
        for tag in sorted(single):
            channel.ack(tag, multiple=False)


def _refuse(channel: Channel, delivery_tag: int, how: Settlement) -> None:
    if how in (Settlement.REJECT_REQUEUE, Settlement.REJECT_DROP):
        channel.reject(delivery_tag, how is Settlement.REJECT_REQUEUE)
    else:
        channel.nack(delivery_tag, how is Settlement.NACK_REQUEUE)
