"""The ledger of delivery tags on one channel: what is settled and not yet told to the broker.

Acks are collected, and at the flush what has become contiguous goes out as one `basic.ack` with
`multiple`; the rest one by one (https://www.rabbitmq.com/docs/confirms#consumer-acks-multiple-parameter).
When its channel is gone a ledger is void: the broker has requeued, and settling means nothing.

Settling is the one thing that is done without the lock of the engine, since it is done for each
message. It only appends; all the rest is done at the flush.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from coolamqp.objects.message import Settlement
from coolamqp.uplink.channel import Channel

ACK: Final = Settlement.ACK


class AckLedger:
    """Collects settlements for one life of a channel.

    :param dirty: list to which the ledger adds itself when it has something to flush
    """

    def __init__(self, channel: Channel, dirty: list[AckLedger]) -> None:
        self._channel: Channel | None = channel
        self._dirty = dirty
        self._is_dirty = False
        # Not looked at yet: a delivery tag that is acked, or what else `settle` was told.
        self._submitted: deque[Any] = deque()
        # Delivered and not settled, lowest first; as many as the prefetch count at the most.
        self._outstanding: dict[int, None] = {}
        self._acked: list[int] = []  # to be told
        self._refused: list[tuple[int, Settlement]] = []  # to be told, and how

    @property
    def settled(self) -> bool:
        """Whether everything that was delivered is settled."""
        self._take_submitted()
        return not self._outstanding

    def make_void(self) -> None:
        """Note that the channel is gone."""
        self._channel = None
        self._submitted.clear()
        self._outstanding.clear()
        self._acked.clear()
        self._refused.clear()

    def enter(self, delivery_tag: int) -> None:
        """Note a delivery."""
        self._outstanding[delivery_tag] = None

    def settle(self, delivery_tag: int, how: Settlement, multiple: bool = False) -> bool:
        """Enter a settlement; from any thread, and without the lock.

        :param multiple: whether to settle everything up to the tag
        :returns: whether `announce` is to be called
        """
        if self._channel is None:
            return False
        if how is ACK and not multiple:
            self._submitted.append(delivery_tag)
        else:
            self._submitted.append((delivery_tag, how, multiple))
        return not self._is_dirty  # Looked at after appending, as `flush` resets it before taking.

    def announce(self) -> None:
        """Have the ledger flushed."""
        if not self._is_dirty and self._channel is not None:
            self._is_dirty = True
            self._dirty.append(self)

    def flush(self) -> None:
        """Tell the broker what has been entered."""
        self._is_dirty = False
        channel = self._channel
        if channel is None:
            return
        self._take_submitted()
        for tag, how in self._refused:
            _refuse(channel, tag, how)
        self._refused.clear()
        self._flush_acks(channel)

    def _take_submitted(self) -> None:
        while self._submitted:
            item = self._submitted.popleft()
            if isinstance(item, int):
                self._take(item, ACK)
                continue
            up_to, how, multiple = item
            tags = [tag for tag in self._outstanding if tag <= up_to] if multiple else [up_to]
            for tag in tags:
                self._take(tag, how)

    def _take(self, delivery_tag: int, how: Settlement) -> None:
        if delivery_tag not in self._outstanding:
            return  # It was settled before, with others.
        del self._outstanding[delivery_tag]
        if how is ACK:
            self._acked.append(delivery_tag)
        else:
            self._refused.append((delivery_tag, how))

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
