"""The end of a retry: the delivery is acknowledged, or requeued after a pause.

A message is retried by a copy of it, see `ReceivedMessage.retry`.
"""

from __future__ import annotations

from logging import ERROR
from typing import Final

from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.effects import Effects
from coolamqp.log_events import LogEvent
from coolamqp.objects.message import Settlement
from coolamqp.timers import Timers

# The pause before a message is requeued whose copy the broker does not take, in seconds. Without
# it, the message would come again at once, and so on.
REQUEUE_PAUSE: Final = 1.0


def end_retry(
    ledger: AckLedger,
    delivery_tag: int,
    error: BaseException | None,
    effects: Effects,
    timers: Timers,
) -> None:
    """Acknowledge a delivery whose copy is confirmed; otherwise requeue it after a pause.

    :param error: the reason why there is no copy; None if the broker has confirmed it
    """

    def settle(how: Settlement) -> None:
        ledger.end_retry(delivery_tag)
        if ledger.settle(delivery_tag, how):
            ledger.announce()

    if error is None:
        settle(Settlement.ACK)
    elif ledger.retrying:  # Otherwise, the broker has the message back.
        effects.log(
            LogEvent.RETRY_FAILED,
            f'a message could not be published for its next attempt, and is requeued: {error}',
            ERROR,
            cause=error,
        )
        timers.after(REQUEUE_PAUSE, lambda: settle(Settlement.NACK_REQUEUE))
