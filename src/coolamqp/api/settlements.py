"""The spans of settlements: of `ack`, `nack`, `reject` and `retry` of a message.

Only a Cluster whose tracer wants them has this object between its messages and its core.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from coolamqp.api.spans import begin_span, end_span, name_of
from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.promise import Promise
from coolamqp.attaches.publication import Publication
from coolamqp.attaches.subscription import ConsumerOwner, Subscription
from coolamqp.exceptions import CoolAMQPError
from coolamqp.objects import Message
from coolamqp.objects.message import Settlement
from coolamqp.tracing import Call, CallTracer

_NAMES: Final = {
    Settlement.ACK: 'ack',
    Settlement.NACK_REQUEUE: 'nack',
    Settlement.NACK_DROP: 'nack',
    Settlement.REJECT_REQUEUE: 'reject',
    Settlement.REJECT_DROP: 'reject',
}


class TracedOwner:
    """The owner of consumers and messages that makes a span for each settlement.

    :param owner: the core of the Cluster
    :param peer: returns host and port of the current node; None if there is none
    """

    def __init__(
        self,
        owner: ConsumerOwner,
        tracer: CallTracer,
        peer: Callable[[], tuple[str, int] | None],
    ) -> None:
        self._owner = owner
        self._tracer = tracer
        self._peer = peer

    def settle(self, ledger: AckLedger, delivery_tag: int, how: Settlement, multiple: bool) -> bool:
        """Settle a delivery in a span. Return whether it counts."""
        settle = partial(self._owner.settle, ledger, delivery_tag, how, multiple)
        return self._in_span(ledger, delivery_tag, _NAMES[how], settle)

    def retry(self, ledger: AckLedger, delivery_tag: int, publication: Publication) -> bool:
        """Retry a delivery in a span. Return whether it counts."""
        retry = partial(self._owner.retry, ledger, delivery_tag, publication)
        return self._in_span(ledger, delivery_tag, 'retry', retry)

    def _in_span(
        self, ledger: AckLedger, delivery_tag: int, name: str, settle: Callable[[], bool]
    ) -> bool:
        if ledger.queue is None:  # without spans
            return settle()
        details = {'delivery_tag': str(delivery_tag)}
        call = Call(name, 'consumer', name_of(ledger.queue), self._peer(), details)
        span = begin_span(self._tracer, call, None)
        try:
            counts = settle()
        except BaseException as error:
            end_span(span, error)
            raise
        end_span(span, None if counts else CoolAMQPError('the broker has taken the message back'))
        return counts

    def publish_reply(self, answer: Message, routing_key: bytes) -> Promise:
        """Publish the reply to a request."""
        return self._owner.publish_reply(answer, routing_key)

    def cancel(self, subscription: Subscription, timeout: float | None) -> Promise:
        """Cancel a consumer."""
        return self._owner.cancel(subscription, timeout)

    def change_prefetch(self, subscription: Subscription, prefetch_count: int) -> None:
        """Change the prefetch count of a consumer."""
        self._owner.change_prefetch(subscription, prefetch_count)

    def deliver(self, subscription: Subscription, message: Delivery) -> None:
        """Deliver a message to the program."""
        self._owner.deliver(subscription, message)
