"""The end of a retry: what the broker is told of the delivery, and when."""

from __future__ import annotations

import pytest

from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.effects import Effects, LogRecord
from coolamqp.framing.definitions import BasicAck, BasicNack
from coolamqp.framing.method import Method
from coolamqp.objects.message import Settlement
from coolamqp.supervisor.retrying import end_retry
from coolamqp.timers import Timers
from tests.uplink.rig import Peers

NOW = 1000.0


class Retry:
    """A delivery whose copy is on its way."""

    def __init__(self) -> None:
        self.link = Peers().open()
        channel, _ = self.link.channel()
        self.effects, self.timers = Effects(), Timers(NOW)
        self.ledger = AckLedger(channel, [])
        for tag in (1, 2):
            self.ledger.enter(tag)
        assert self.ledger.begin_retry(1)

    def end(self, error: Exception | None) -> list[Method]:
        """End the retry, and return what the broker hears."""
        end_retry(self.ledger, 1, error, self.effects, self.timers)
        return self.told()

    def told(self) -> list[Method]:
        """Flush, and return what the broker hears."""
        self.ledger.flush()
        return self.link.broker.methods()


@pytest.fixture
def retry() -> Retry:
    return Retry()


def test_a_delivery_is_acknowledged_when_its_copy_is_confirmed(retry: Retry) -> None:
    assert retry.told() == []
    assert retry.end(None) == [BasicAck(1, False)]
    assert not retry.ledger.retrying


def test_a_delivery_without_a_copy_is_requeued_after_a_pause(retry: Retry) -> None:
    assert retry.end(ValueError('no queue')) == []
    assert retry.ledger.retrying
    retry.timers.advance(NOW + 1.0)
    assert retry.told() == [BasicNack(1, False, True)]
    (record,) = retry.effects.reports
    assert isinstance(record, LogRecord)
    assert 'no queue' in record.text


def test_nothing_is_done_for_a_delivery_that_the_broker_has_back(retry: Retry) -> None:
    retry.ledger.make_void()
    assert retry.end(ValueError('the connection is lost')) == []
    assert len(retry.timers) == 0
    assert not retry.effects.reports


def test_an_acknowledgement_of_all_deliveries_leaves_out_the_one_on_its_way(retry: Retry) -> None:
    retry.ledger.settle(2, Settlement.ACK, multiple=True)
    assert retry.told() == [BasicAck(2, False)]
    assert retry.end(None) == [BasicAck(1, False)]
