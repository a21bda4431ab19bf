"""A new prefetch count of a running consumer: when it applies, and which consumer goes."""

from __future__ import annotations

import pytest

from coolamqp.attaches.channeler import ST_ONLINE
from coolamqp.framing.definitions import BasicCancel, BasicConsume, BasicConsumeOk, BasicQos
from coolamqp.objects import Queue
from coolamqp.supervisor.states import EngineState
from tests.attaches.watched import NoTruth, consuming


def test_prefetch_is_changed_now_and_after_each_reconnect() -> None:
    rig, broker, consumer, _ = consuming(no_ack=False, qos=5)
    consumer.set_qos(9)
    broker.serve()
    assert [qos.prefetch_count for qos in broker.said(BasicQos)] == [5, 9]
    consumer.set_qos(None, 10)
    rig.lose()
    consumer.set_qos(0, 11)
    assert consumer.qos == 11
    rig.advance(1)
    assert [qos.prefetch_count for qos in rig.up().said(BasicQos)] == [11]


def test_a_running_consumer_is_replaced_since_a_prefetch_holds_for_new_ones_only() -> None:
    _rig, broker, consumer, _ = consuming(no_ack=False, qos=5)
    (first,) = broker.said(BasicConsume)
    consumer.set_qos(9)
    broker.serve()
    second = broker.said(BasicConsume)[1]
    assert second.consumer_tag not in (first.consumer_tag, b'')
    assert [each.consumer_tag for each in broker.said(BasicCancel)] == [first.consumer_tag]
    assert consumer.consumer_tag == second.consumer_tag
    consumer.cancel()
    broker.serve()
    assert broker.said(BasicCancel)[1].consumer_tag == second.consumer_tag
    assert consumer.cancelled


def test_nothing_is_asked_of_a_replacement_before_it_has_begun() -> None:
    _rig, broker, consumer, _ = consuming(no_ack=False, qos=5)
    broker.unanswered.add('basic.consume')
    consumer.set_qos(9)
    consumer.set_qos(10)
    broker.serve()
    promise = consumer.cancel()
    broker.serve()
    assert len(broker.said(BasicConsume)) == 2
    assert broker.said(BasicCancel) == []

    broker.unanswered.clear()
    broker.send(broker.channel_of(BasicConsume), BasicConsumeOk(consumer.consumer_tag))
    broker.serve()

    assert len(broker.said(BasicCancel)) == 2
    assert promise.done()


@pytest.mark.parametrize(
    ('queue', 'renewed'), [(Queue('jobs', durable=True), 2), (Queue('jobs', auto_delete=True), 1)]
)
def test_no_exclusive_consumer_gives_up_a_queue_that_would_be_deleted(
    queue: Queue, renewed: int
) -> None:
    rig, broker, consumer, _ = consuming(queue=queue, no_ack=False, exclusive=True, qos=5)
    consumer.set_qos(9)
    broker.serve()
    rig.carry_out()
    assert len(broker.said(BasicConsume)) == renewed
    assert ('applies after the next reconnect' in rig.logged()) is (renewed == 1)
    assert rig.reconnect().said(BasicQos) == [BasicQos(0, 9)]


def test_the_last_of_several_prefetches_holds() -> None:
    _, broker, consumer, _ = consuming(no_ack=False, qos=5)
    for count in (6, 7, 8):
        consumer.set_qos(count)
    broker.serve()
    assert [qos.prefetch_count for qos in broker.said(BasicQos)] == [5, 6, 8]
    tags = [each.consumer_tag for each in broker.said(BasicConsume)]
    assert [each.consumer_tag for each in broker.said(BasicCancel)] == tags[:-1]


def test_a_cancel_of_an_earlier_consumer_is_ignored() -> None:
    _, broker, consumer, channel = consuming(no_ack=False, qos=5)
    consumer.set_qos(6)
    broker.serve()
    broker.send(channel, BasicCancel(b'jobs', True))
    assert broker.hear() == []
    assert consumer.state == ST_ONLINE


def test_a_value_that_cannot_be_used_costs_only_its_consumer() -> None:
    rig, broker, consumer, _ = consuming(no_ack=False, qos=5)
    consumer.no_local = NoTruth()  # type: ignore[assignment]
    consumer.set_qos(10)
    broker.serve()
    broker.serve()

    assert consumer.cancelled
    assert rig.state() is EngineState.UP
