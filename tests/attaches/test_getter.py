"""Fetching single messages, on a channel for each queue."""

from __future__ import annotations

import pytest

from coolamqp.attaches.getter import IDLE_SECONDS_MAX
from coolamqp.exceptions import AMQPError, ConnectionDead, CoolAMQPError
from coolamqp.framing.definitions import (
    BasicAck,
    BasicGet,
    BasicGetEmpty,
    BasicGetOk,
    ChannelClose,
    ChannelOpen,
    ConnectionClose,
    ConnectionTune,
)
from tests.support.ending import Ending
from tests.support.rig import Rig
from tests.support.scripted_broker import ScriptedBroker


def rig_up() -> tuple[Rig, ScriptedBroker]:
    """Connect to a broker that leaves the answers to basic.get to the test."""
    rig = Rig()
    broker = rig.up()
    broker.unanswered.add('basic.get')
    return rig, broker


def answer(broker: ScriptedBroker, body: bytes, tag: int = 1) -> None:
    """Give a message to who has asked last."""
    channel = broker.channel_of(BasicGet)
    broker.send_content(channel, BasicGetOk(tag, True, b'ex', b'key', 0), body)


def fetched(rig: Rig, broker: ScriptedBroker, body: bytes, tag: int) -> Ending:
    promise = rig.fetch()
    broker.serve()
    answer(broker, body, tag)
    return promise


def test_a_message_that_is_there() -> None:
    rig, broker = rig_up()
    message = fetched(rig, broker, b'x', 7).result()

    assert (message.body, message.delivery_tag, message.redelivered) == (b'x', 7, True)
    assert (message.exchange_name, message.routing_key) == (b'ex', b'key')
    message.ack()
    assert broker.methods() == [BasicAck(7, False)]


def test_a_queue_without_messages() -> None:
    rig, broker = rig_up()
    promise = rig.fetch()
    broker.serve()
    broker.send(broker.channel_of(BasicGet), BasicGetEmpty())
    assert promise.ends == [None]


def test_fetching_without_a_connection_waits_for_one() -> None:
    rig = Rig()
    promise = rig.fetch(b'q', no_ack=True)
    assert rig.engine.owes_answers
    rig.engine.start(rig.clock.now)
    broker = rig.connect()
    broker.unanswered.add('basic.get')
    broker.shake_hands()
    assert BasicGet(b'q', True) in broker.serve()
    answer(broker, b'x')
    assert promise.result().delivery_tag is None
    assert not rig.engine.owes_answers


def test_each_queue_has_a_channel_and_keeps_it_while_it_is_used() -> None:
    rig, broker = rig_up()
    before = len(broker.said(ChannelOpen))
    for queue in (b'a', b'b', b'a', b'b'):
        rig.fetch(queue)
        broker.serve()
    assert len(broker.said(ChannelOpen)) == before + 2
    assert [method.queue for method in broker.said(BasicGet)] == [b'a', b'b', b'a', b'b']


def test_a_refusal_ends_its_own_fetch_and_the_next_are_sent_again() -> None:
    rig, broker = rig_up()
    promises = [rig.fetch() for _ in range(3)]
    broker.serve()
    broker.close_channel(broker.channel_of(BasicGet), 404, BasicGet)
    broker.serve()
    assert isinstance(promises[0].ends[0], AMQPError)
    assert not promises[1].done()
    for body in (b'1', b'2'):
        answer(broker, body)
    assert [promise.result().body for promise in promises[1:]] == [b'1', b'2']


def test_a_lost_connection_has_fetches_sent_again_and_voids_messages() -> None:
    rig, broker = rig_up()
    message = fetched(rig, broker, b'old', 1).result()
    promise = rig.fetch()
    rig.lose()
    rig.advance(1.0)
    broker = rig.connect()
    broker.unanswered.add('basic.get')
    broker.shake_hands()
    broker.serve()
    message.ack()
    assert broker.methods() == []
    answer(broker, b'new')
    assert promise.result().body == b'new'


def test_a_channel_is_closed_when_it_is_not_needed_any_more() -> None:
    rig, broker = rig_up()
    message = fetched(rig, broker, b'x', 1).result()
    rig.advance(3 * IDLE_SECONDS_MAX)
    broker.serve()
    assert not broker.said(ChannelClose)  # the message may still be acknowledged
    message.ack()
    rig.advance(2 * IDLE_SECONDS_MAX)
    broker.serve()
    assert broker.said(BasicAck)
    assert len(broker.said(ChannelClose)) == 1
    assert fetched(rig, broker, b'y', 1).result().body == b'y'


def test_a_fetch_after_a_refusal_opens_a_channel_again() -> None:
    rig, broker = rig_up()
    refused = rig.fetch()
    broker.serve()
    broker.close_channel(broker.channel_of(BasicGet), 404, BasicGet)
    broker.serve()
    assert refused.done()
    assert fetched(rig, broker, b'x', 1).result().body == b'x'


def test_no_channel_left_is_an_error_for_the_fetch() -> None:
    rig = Rig()
    rig.up(ConnectionTune(3, 131072, 60))
    promise = rig.fetch()
    rig.carry_out()
    with pytest.raises(CoolAMQPError, match='all 3 channels'):
        promise.result()


def test_the_end_of_the_engine_ends_fetches() -> None:
    rig, broker = rig_up()
    promises = [rig.fetch(), rig.fetch(b'other')]
    broker.serve()
    rig.engine.stop(rig.clock.now)
    assert not promises[0].done()
    rig.advance(20)
    assert all(isinstance(promise.ends[0], ConnectionDead) for promise in promises)


def test_what_was_put_back_is_told_before_the_next_fetch() -> None:
    rig, broker = rig_up()
    fetched(rig, broker, b'x', 1).result().nack()
    rig.fetch()
    names: list[str] = [method.NAME for method in broker.methods()]
    assert names == ['basic.nack', 'basic.get']


def test_a_fetch_that_the_connection_is_closed_for_is_not_repeated() -> None:
    rig, broker = rig_up()
    promise = rig.fetch(b'stream')
    broker.serve()
    broker.send(0, ConnectionClose(540, 'no basic.get for streams', *BasicGet.INDEX))
    assert isinstance(promise.ends[0], AMQPError)
    rig.advance(1.0)
    assert rig.up().said(BasicGet) == []


def test_a_fetch_does_not_take_the_blame_for_another_error() -> None:
    rig, broker = rig_up()
    promise = rig.fetch()
    broker.serve()
    broker.close_channel(broker.channel_of(BasicGet), 406)  # a delivery was not acknowledged
    broker.serve()
    assert len(broker.said(BasicGet)) == 1  # It makes a pause, in case that this goes on.
    rig.advance(0.05)
    broker.serve()
    assert not promise.done()
    answer(broker, b'x')
    assert promise.result().body == b'x'


def test_a_fetch_that_is_cancelled_is_not_sent() -> None:
    rig = Rig()
    rig.fetch(no_ack=True).set_result('cancelled')
    broker = rig.up()
    assert broker.said(BasicGet) == []
    assert not rig.engine.owes_answers


def test_a_message_that_nobody_has_fetched_costs_only_the_channel() -> None:
    rig, broker = rig_up()
    fetched(rig, broker, b'x', 1)
    answer(broker, b'y', 2)
    broker.expect(ChannelClose)
    assert 'nobody expects a fetched message' in rig.logged()
