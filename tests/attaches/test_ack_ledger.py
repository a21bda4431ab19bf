"""The ledger of delivery tags: what is settled, and what the broker is told of it."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.counters import Counters
from coolamqp.framing.definitions import BasicAck, BasicNack, BasicReject
from coolamqp.framing.method import Method
from coolamqp.objects.message import Settlement
from tests.uplink.rig import Peers

ACK, REQUEUE = Settlement.ACK, Settlement.NACK_REQUEUE
DELIVERED = 100


class Acks:
    """An ack ledger on a channel."""

    def __init__(self) -> None:
        self.link = Peers().open()
        self.channel, _ = self.link.channel()
        self.dirty: list[AckLedger] = []
        self.ledger = AckLedger(self.channel, self.dirty)
        for tag in range(1, DELIVERED + 1):
            self.ledger.enter(tag)

    def flush(self, how: Settlement, *tags: int) -> list[Method]:
        """Settle, flush, and give what the broker hears."""
        for tag in tags:
            assert self.ledger.settle(tag, how)
        return self.told()

    def told(self) -> list[Method]:
        """Flush, and give what the broker hears."""
        self.ledger.flush()
        return self.link.broker.methods()


def test_what_is_contiguous_is_acked_at_once() -> None:
    acks = Acks()
    assert acks.flush(ACK, 2, 1, 3) == [BasicAck(3, True)]
    assert acks.flush(ACK, 4) == [BasicAck(4, False)]


def test_acks_out_of_order() -> None:
    acks = Acks()
    assert acks.flush(ACK, 3, 5) == [BasicAck(3, False), BasicAck(5, False)]
    assert acks.flush(ACK, 1, 2) == [BasicAck(2, True)]
    assert acks.flush(ACK, 4, 6, 7) == [BasicAck(7, True)]


def test_nacks_requeue_one_by_one_and_are_passed_over_by_acks() -> None:
    acks = Acks()
    assert acks.flush(REQUEUE, 2, 4) == [BasicNack(2, False, True), BasicNack(4, False, True)]
    assert acks.flush(ACK, 1, 3) == [BasicAck(3, True)]
    assert acks.flush(ACK, 5) == [BasicAck(5, False)]
    assert acks.flush(ACK) == []


def test_settling_several_settles_what_is_left_up_to_the_tag() -> None:
    acks = Acks()
    assert acks.flush(REQUEUE, 2) == [BasicNack(2, False, True)]
    acks.ledger.settle(4, ACK, multiple=True)
    assert acks.told() == [BasicAck(4, True)]
    acks.ledger.settle(3, ACK, multiple=True)
    assert acks.told() == []
    acks.ledger.settle(6, Settlement.NACK_DROP, multiple=True)
    assert acks.told() == [BasicNack(5, False, False), BasicNack(6, False, False)]


def test_what_was_settled_first_holds() -> None:
    acks = Acks()
    acks.ledger.settle(2, ACK)
    acks.ledger.settle(3, REQUEUE, multiple=True)
    acks.ledger.settle(1, ACK)
    assert acks.told() == [
        BasicNack(1, False, True),
        BasicNack(3, False, True),
        BasicAck(2, False),
    ]


def test_rejecting_is_told_as_such() -> None:
    acks = Acks()
    assert acks.flush(Settlement.REJECT_DROP, 1) == [BasicReject(1, False)]
    assert acks.flush(Settlement.REJECT_REQUEUE, 2) == [BasicReject(2, True)]


def test_a_ledger_knows_when_all_is_settled() -> None:
    acks = Acks()
    assert not acks.ledger.settled
    acks.ledger.settle(DELIVERED, ACK, multiple=True)
    assert acks.ledger.settled


def test_a_ledger_is_to_be_announced_once_until_it_is_flushed() -> None:
    acks = Acks()
    announced = [acks.ledger.announced]
    for tag in (1, 2):
        assert acks.ledger.settle(tag, ACK)
        acks.ledger.announce()
        announced.append(acks.ledger.announced)
    assert acks.dirty == [acks.ledger]
    assert acks.told() == [BasicAck(2, True)]
    announced.append(acks.ledger.announced)
    assert announced == [False, True, True, False]
    acks.ledger.announce()
    assert acks.dirty == [acks.ledger, acks.ledger]


def test_a_void_ledger_settles_nothing() -> None:
    acks = Acks()
    acks.ledger.settle(1, ACK)
    acks.ledger.make_void()
    acks.ledger.flush()
    assert not acks.ledger.settle(2, REQUEUE)
    acks.ledger.announce()
    assert acks.dirty == []
    assert acks.link.broker.hear() == []


@pytest.mark.parametrize('closing', ['channel', 'connection'])
def test_nothing_counts_any_more_once_the_channel_is_closing(closing: str) -> None:
    acks = Acks()
    assert acks.ledger.settle(1, ACK)
    if closing == 'channel':
        acks.channel.close()
    else:
        acks.link.connection.close(acks.link.clock.now)
    acks.link.broker.hear()
    assert not acks.ledger.settle(2, ACK)
    acks.ledger.announce()
    acks.ledger.flush()
    assert acks.link.broker.hear() == []


def test_threads_settle_while_it_is_flushed() -> None:
    acks = Acks()
    tags = iter(range(1, DELIVERED + 1))

    def settle_all() -> None:
        for tag in tags:
            acks.ledger.settle(tag, ACK)

    threads = [threading.Thread(target=settle_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        acks.ledger.flush()
    acks.ledger.flush()
    assert acks.ledger.settled


@given(st.permutations(range(1, 13)), st.sets(st.integers(1, 12)), st.integers(1, 5))
def test_the_broker_knows_exactly_what_was_settled(
    order: list[int], nacked: set[int], batch: int
) -> None:
    acks = Acks()
    outstanding, acked, settled = set(range(1, 13)), set(), set()
    for at in range(0, len(order), batch):
        for tag in order[at : at + batch]:
            acks.ledger.settle(tag, REQUEUE if tag in nacked else ACK)
            settled.add(tag)
        acks.ledger.flush()
        for method in acks.link.broker.methods():
            assert isinstance(method, (BasicAck, BasicNack))
            assert method.delivery_tag in outstanding, 'a tag that is settled is a channel error'
            tags = {method.delivery_tag}
            if method.multiple:
                tags = {tag for tag in outstanding if tag <= method.delivery_tag}
            outstanding -= tags
            if isinstance(method, BasicAck):
                acked |= tags
        assert acked == settled - nacked
        assert outstanding == set(range(1, 13)) - settled


def test_what_the_broker_is_told_is_counted() -> None:
    acks, counters = Acks(), Counters()
    ledger = AckLedger(acks.channel, [], counters)
    for tag in range(1, 8):
        ledger.enter(tag)
    sent = [how for how in Settlement if how is not Settlement.RETRY]
    for tag, how in enumerate(sent, start=1):
        assert ledger.settle(tag, how)
    assert ledger.settle(7, ACK, multiple=True)
    assert (counters.acked, ledger.unsettled) == (0, 7)  # before the flush
    ledger.flush()

    assert (counters.requeued, counters.rejected) == (2, 2)
    assert (counters.acked, ledger.unsettled) == (3, 0)


def test_a_retried_delivery_is_settled_by_itself_alone() -> None:
    acks = Acks()
    acks.ledger.begin_retry(2)
    retrying = [acks.ledger.retrying]
    acks.ledger.settle(3, ACK, multiple=True)
    assert acks.told() == [BasicAck(1, False), BasicAck(3, False)]
    acks.ledger.end_retry(2)
    assert [*retrying, acks.ledger.retrying] == [True, False]
    assert acks.flush(ACK, 2) == [BasicAck(2, False)]


def test_nothing_is_retried_on_a_closed_channel() -> None:
    acks = Acks()
    acks.ledger.begin_retry(1)
    acks.ledger.make_void()
    assert not acks.ledger.retrying
    assert not acks.ledger.begin_retry(2)
