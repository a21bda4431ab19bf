"""The spans of settlements: which there are, what they say, and that they change nothing."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.api.settlements import TracedOwner
from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.publication import Publication
from coolamqp.objects import Message
from coolamqp.objects.message import Settlement
from tests.api.support import BrokenTracer, Tracer
from tests.uplink.rig import Peers

PEER = ('host', 5672)


class Owner:
    """An owner that records settlements, and other calls by their names."""

    def __init__(self, counts: bool = True, error: Exception | None = None) -> None:
        self.settled: list[tuple[int, Settlement, bool]] = []
        self.called: list[tuple[str, tuple[Any, ...]]] = []
        self._counts = counts
        self._error = error

    def settle(self, ledger: AckLedger, delivery_tag: int, how: Settlement, multiple: bool) -> bool:
        self.settled.append((delivery_tag, how, multiple))
        if self._error is not None:
            raise self._error
        return self._counts

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.called.append((name, arguments))


def ledger(queue: bytes | None = b'jobs') -> AckLedger:
    channel, _ = Peers().open().channel()
    made = AckLedger(channel, [])
    made.queue = queue
    return made


def traced(owner: Any, tracer: Any) -> TracedOwner:
    return TracedOwner(owner, tracer, lambda: PEER)


@pytest.mark.parametrize(
    ('how', 'name'),
    [
        (Settlement.ACK, 'ack'),
        (Settlement.NACK_REQUEUE, 'nack'),
        (Settlement.NACK_DROP, 'nack'),
        (Settlement.REJECT_REQUEUE, 'reject'),
        (Settlement.REJECT_DROP, 'reject'),
    ],
)
def test_a_settlement_is_a_span_with_queue_and_delivery_tag(how: Settlement, name: str) -> None:
    owner, tracer = Owner(), Tracer()
    assert traced(owner, tracer).settle(ledger(), 7, how, True)

    (span,) = tracer.spans
    assert owner.settled == [(7, how, True)]
    assert (span.call.name, span.call.destination, span.call.peer) == (name, 'jobs', PEER)
    assert span.call.details == {'delivery_tag': '7'}
    assert span.ends == [None]


def test_a_retry_is_a_span_too() -> None:
    owner, tracer = Owner(), Tracer()
    traced(owner, tracer).retry(ledger(), 7, Publication(Message(b''), b'ex', b''))

    (span,) = tracer.spans
    assert (span.call.name, span.call.destination) == ('retry', 'jobs')
    assert [name for name, _ in owner.called] == ['retry']


def test_a_settlement_that_does_not_count_has_an_error() -> None:
    tracer = Tracer()
    assert not traced(Owner(counts=False), tracer).settle(ledger(), 1, Settlement.ACK, False)

    assert 'has taken the message back' in str(tracer.spans[0].ends[0])


def test_a_settlement_that_raises_has_that_error() -> None:
    tracer, error = Tracer(), RuntimeError('another thread')
    with pytest.raises(RuntimeError, match='another thread'):
        traced(Owner(error=error), tracer).settle(ledger(), 1, Settlement.ACK, False)

    assert tracer.spans[0].ends == [error]


def test_a_consumer_without_spans_has_none_for_settlements() -> None:
    owner, tracer = Owner(), Tracer()
    assert traced(owner, tracer).settle(ledger(None), 1, Settlement.ACK, False)

    assert owner.settled == [(1, Settlement.ACK, False)]
    assert tracer.spans == []


def test_a_tracer_that_raises_does_not_keep_a_message_from_being_settled() -> None:
    owner = Owner()

    assert traced(owner, BrokenTracer()).settle(ledger(), 1, Settlement.ACK, False)
    assert owner.settled == [(1, Settlement.ACK, False)]


def test_everything_else_goes_to_the_owner() -> None:
    owner, anything = Owner(), object()
    owners: Any = traced(owner, Tracer())
    for name in ('publish_reply', 'cancel', 'change_prefetch', 'deliver'):
        getattr(owners, name)(anything, 1)

    assert owner.called == [
        (name, (anything, 1)) for name in ('publish_reply', 'cancel', 'change_prefetch', 'deliver')
    ]
