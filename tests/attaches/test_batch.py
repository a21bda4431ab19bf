"""Batches: when one is complete, and how its messages are settled."""

from __future__ import annotations

import pytest

from coolamqp.attaches.batch import Batch, Batcher
from coolamqp.timers import Timers
from tests.support.deliveries import Refusable, deliveries

NOW = 1000.0


class Collected:
    """A batcher for three messages within half a second, and what it has posted."""

    def __init__(self) -> None:
        self.timers = Timers(NOW)
        self.batches: list[Batch] = []
        self.batcher = Batcher(3, 0.5, self.timers, self.batches.append)

    def add(self, count: int) -> None:
        """Add some messages."""
        for message in deliveries(count):
            self.batcher.add(message)

    @property
    def sizes(self) -> list[int]:
        """The numbers of messages of the batches so far."""
        return [len(batch) for batch in self.batches]


@pytest.fixture
def collected() -> Collected:
    return Collected()


def test_a_full_batch_does_not_wait(collected: Collected) -> None:
    collected.add(7)
    assert collected.sizes == [3, 3]
    assert [message.body for message in collected.batches[0]] == [b'0', b'1', b'2']


def test_the_first_message_waits_for_the_others_for_a_limited_time(collected: Collected) -> None:
    collected.add(1)
    collected.timers.advance(NOW + 0.4)
    collected.add(1)
    assert collected.sizes == []
    collected.timers.advance(NOW + 0.5)
    assert collected.sizes == [2]
    collected.add(1)
    collected.timers.advance(NOW + 0.9)
    assert collected.sizes == [2]
    collected.timers.advance(NOW + 1.0)
    assert collected.sizes == [2, 1]


def test_the_time_of_a_full_batch_is_not_that_of_the_next(collected: Collected) -> None:
    collected.add(3)
    collected.timers.advance(NOW + 0.4)
    collected.add(1)
    collected.timers.advance(NOW + 0.5)
    assert collected.sizes == [3]


def test_a_batch_can_be_flushed_or_discarded(collected: Collected) -> None:
    collected.batcher.flush()
    collected.add(2)
    collected.batcher.flush()
    collected.add(1)
    collected.batcher.discard()
    collected.timers.advance(NOW + 10)
    assert collected.sizes == [2]


def test_the_messages_of_a_batch_are_settled_together() -> None:
    batch = Batch([Refusable(b'abc', 1), Refusable(b'de', 2)])
    results = [batch.nack(), batch.nack(requeue=False), batch.reject(), batch.retry('no luck')]
    assert results == [True, True, True, True]
    for message in batch:
        assert isinstance(message, Refusable)
        assert message.refusals == [True, False, False]
        assert message.reasons == ['no luck']
    assert (batch.size, batch.delivery_tag) == (5, 2)


def test_a_batch_is_settled_to_its_end_even_if_a_message_does_not_count() -> None:
    class Lost(Refusable):
        def nack(self, requeue: bool | int = True, multiple: bool | int = False) -> bool:
            super().nack(requeue)
            return False

    batch = Batch([Lost(b''), Refusable(b'')])
    assert not batch.nack()
    for message in batch:
        assert isinstance(message, Refusable)
        assert message.refusals == [True]
