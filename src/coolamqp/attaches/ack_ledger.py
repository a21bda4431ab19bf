"""The ack ledger: the acknowledgements on one channel that are not sent yet.

A flush sends them. It joins contiguous acks into one `basic.ack` with `multiple`, and sends the
others one by one (https://www.rabbitmq.com/docs/confirms#consumer-acks-multiple-parameter). When
the channel closes, the ledger becomes void: the broker requeues the unsettled messages, and their
acknowledgements have no meaning any more.

`settle` needs no engine lock, because programs call it for each message. It only appends to a
queue. The flush does the rest.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from coolamqp.attaches.counters import Counters
from coolamqp.objects import Queue
from coolamqp.objects.message import Settlement
from coolamqp.uplink.channel import Channel

ACK: Final = Settlement.ACK


class AckLedger:
    """The acknowledgements on one channel.

    :param dirty: the list of ledgers to flush; the ledger adds itself to it
    :param counters: the counters of the engine; None for others
    :ivar queue: the queue of the deliveries, for the spans of `settle`; None makes no spans
    :ivar retry_queue: the queue of the deliveries, if it has `retry_delays`; otherwise None
    :ivar announced: whether a flush is requested
    """

    def __init__(
        self, channel: Channel, dirty: list[AckLedger], counters: Counters | None = None
    ) -> None:
        self._channel: Channel | None = channel
        self._dirty = dirty
        self._counters = Counters() if counters is None else counters
        self.queue: bytes | None = None
        self.retry_queue: Queue | None = None
        self.announced = False
        # The deliveries whose copies for the next attempt are not confirmed yet.
        self._retrying: set[int] = set()
        # Not processed yet: the delivery tag of an ack, or all arguments of another `settle`.
        self._submitted: deque[Any] = deque()
        # Unsettled delivery tags in ascending order; the prefetch count limits their number.
        self._outstanding: dict[int, None] = {}
        self._acked: list[int] = []  # acks to send
        self._refused: list[tuple[int, Settlement]] = []  # nacks and rejects to send

    @property
    def unsettled(self) -> int:
        """The number of deliveries whose acknowledgement has not been processed."""
        return len(self._outstanding)

    @property
    def retrying(self) -> bool:
        """Whether the copy of a delivery for its next attempt is not confirmed yet."""
        return bool(self._retrying)

    @property
    def settled(self) -> bool:
        """Whether all deliveries on the channel are settled."""
        self._take_submitted()
        return not self._outstanding

    def make_void(self) -> None:
        """Discard everything: the channel is closed."""
        self._channel = None
        self._retrying.clear()
        self._submitted.clear()
        self._outstanding.clear()
        self._acked.clear()
        self._refused.clear()

    def enter(self, delivery_tag: int) -> None:
        """Record a delivery."""
        self._outstanding[delivery_tag] = None

    def settle(self, delivery_tag: int, how: Settlement, multiple: bool = False) -> bool:
        """Record an acknowledgement. Any thread may call it, without the engine lock.

        If the ledger is not `announced` then, the caller must call `announce`, with the lock.

        :param multiple: whether to settle all deliveries up to the tag
        :returns: whether it counts; not if the broker has the messages back
        """
        if not self._is_open():
            return False
        if how is ACK and not multiple:
            self._submitted.append(delivery_tag)
        else:
            self._submitted.append((delivery_tag, how, multiple))
        return True

    def _is_open(self) -> bool:
        channel = self._channel
        return channel is not None and channel.is_open

    def begin_retry(self, delivery_tag: int) -> bool:
        """Record that a copy of a delivery is on its way; any thread may call it, as `settle`.

        Until `end_retry`, an acknowledgement with `multiple` does not settle the delivery.

        :returns: whether it counts; not if the broker has the message back
        """
        if not self._is_open():
            return False
        self._retrying.add(delivery_tag)
        return True

    def end_retry(self, delivery_tag: int) -> None:
        """Record that the copy of a delivery is confirmed, or has failed."""
        self._retrying.discard(delivery_tag)

    def announce(self) -> None:
        """Request a flush of the ledger."""
        if not self.announced and self._channel is not None:
            self.announced = True
            self._dirty.append(self)

    def flush(self) -> None:
        """Send all acknowledgements to the broker."""
        self.announced = False  # before it takes the items; `settle` appends one first
        channel = self._channel
        if channel is None:
            return
        self._take_submitted()
        for tag, how in self._refused:
            self._refuse(channel, tag, how)
        self._refused.clear()
        self._flush_acks(channel)

    def _take_submitted(self) -> None:
        while self._submitted:
            item = self._submitted.popleft()
            if isinstance(item, int):
                self._take(item, ACK)
                continue
            up_to, how, multiple = item
            tags = self._up_to(up_to) if multiple else [up_to]
            for tag in tags:
                self._take(tag, how)

    def _up_to(self, delivery_tag: int) -> list[int]:
        return [
            tag for tag in self._outstanding if tag <= delivery_tag and tag not in self._retrying
        ]

    def _take(self, delivery_tag: int, how: Settlement) -> None:
        if delivery_tag not in self._outstanding:
            return  # An acknowledgement with `multiple` has settled it already.
        del self._outstanding[delivery_tag]
        if how is ACK:
            self._acked.append(delivery_tag)
        else:
            self._refused.append((delivery_tag, how))

    def _flush_acks(self, channel: Channel) -> None:
        lowest = next(iter(self._outstanding), None)
        contiguous = [tag for tag in self._acked if lowest is None or tag < lowest]
        single = [tag for tag in self._acked if lowest is not None and tag > lowest]
        self._counters.acked += len(self._acked)
        self._acked.clear()
        if contiguous:
            channel.ack(max(contiguous), multiple=len(contiguous) > 1)
        for tag in sorted(single):
            channel.ack(tag, multiple=False)

    def _refuse(self, channel: Channel, delivery_tag: int, how: Settlement) -> None:
        requeue = how in (Settlement.REJECT_REQUEUE, Settlement.NACK_REQUEUE)
        if requeue:
            self._counters.requeued += 1
        else:
            self._counters.rejected += 1
        if how in (Settlement.REJECT_REQUEUE, Settlement.REJECT_DROP):
            channel.reject(delivery_tag, requeue)
        else:
            channel.nack(delivery_tag, requeue)
