"""Pauses: what becomes of messages that the broker refuses for the moment."""

from __future__ import annotations

import sys
from itertools import pairwise

import pytest

from coolamqp.attaches.pauses import RESEND_SECONDS_MAX
from coolamqp.attaches.publication import Publication
from coolamqp.exceptions import MessageRefused
from coolamqp.framing.definitions import BasicAck, BasicNack, ConfirmSelect
from coolamqp.objects import Message
from tests.support.rig import Rig
from tests.support.scripted_broker import Published, ScriptedBroker

SOON = 0.05  # seconds until the first resend


def received(broker: ScriptedBroker) -> list[Published]:
    """Return the messages that came since the last call."""
    broker.serve()
    came = broker.published[:]
    broker.published.clear()
    return came


def bodies(broker: ScriptedBroker) -> list[bytes]:
    """Return the bodies that came since the last call."""
    return [each.body for each in received(broker)]


def nack(broker: ScriptedBroker, tag: int, *, multiple: bool = False) -> None:
    """Refuse one message, or all up to it."""
    broker.send(broker.channel_of(ConfirmSelect), BasicNack(tag, multiple, False))


def ack(broker: ScriptedBroker, tag: int) -> None:
    """Confirm one message."""
    broker.send(broker.channel_of(ConfirmSelect), BasicAck(tag, False))


def test_refused_messages_are_resent_in_order_and_later_ones_wait_behind_them() -> None:
    rig = Rig()
    broker = rig.up()
    endings = [rig.publish(b'%d' % number) for number in range(4)]
    assert bodies(broker) == [b'0', b'1', b'2', b'3']
    nack(broker, 3)
    nack(broker, 1)
    ack(broker, 2)
    endings.append(rig.publish(b'4'))
    rig.advance(SOON)
    assert bodies(broker) == []  # the outcome of the last one is not known yet
    ack(broker, 4)
    rig.advance(SOON)
    assert bodies(broker) == [b'0']
    ack(broker, 5)
    assert bodies(broker) == [b'2', b'4']
    broker.confirm_all()
    assert [each.result() for each in endings] == [None] * 5


def test_other_destinations_go_on() -> None:
    rig = Rig()
    broker = rig.up()
    rig.publish(b'a', key=b'electing')
    bodies(broker)
    nack(broker, 1)
    rig.publish(b'b', key=b'electing')
    ending = rig.publish(b'c', key=b'other')
    assert bodies(broker) == [b'c']
    ack(broker, 2)
    assert ending.result() is None


def test_the_delay_grows_while_the_broker_refuses_and_the_message_fails_in_the_end() -> None:
    rig = Rig(nack_timeout=10.0)
    broker = rig.up()
    ending, later = rig.publish(b'a'), rig.publish(b'b')
    bodies(broker)
    nack(broker, 2, multiple=True)
    begun, times = rig.clock.now, []
    while not ending.done():
        rig.advance(SOON)
        for each in received(broker):
            times.append(rig.clock.now - begun)
            broker.send(each.channel, BasicNack(each.tag, False, False))
    assert isinstance(ending.error, MessageRefused)
    assert isinstance(later.error, MessageRefused)
    assert '10 s' in str(ending.error)
    assert rig.clock.now - begun == pytest.approx(10.0, abs=SOON)
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps == pytest.approx(sorted(gaps))
    assert gaps[-1] == pytest.approx(RESEND_SECONDS_MAX, abs=2 * SOON)


def test_what_fails_leaves_the_destination_to_the_messages_after_it() -> None:
    rig = Rig(nack_timeout=1.0)
    broker = rig.up()
    refused = rig.publish(b'a')
    bodies(broker)
    nack(broker, 1)
    rig.advance(0.9)
    assert bodies(broker) == [b'a']
    ending = rig.publish(b'b')
    nack(broker, 2)
    rig.advance(0.1)
    assert isinstance(refused.error, MessageRefused)
    assert bodies(broker) == [b'b']
    broker.confirm_all()
    assert ending.result() is None


def test_what_is_refused_again_goes_out_on_a_new_channel_each_time() -> None:
    rig = Rig()
    broker = rig.up()
    endings = [rig.publish(b'a'), rig.publish(b'b')]
    channels = []
    for delay in (0.0, SOON, 2 * SOON, 4 * SOON):
        rig.advance(delay)
        for each in received(broker):
            channels.append(each.channel)
            broker.send(each.channel, BasicNack(each.tag, False, False))
    first, second, resent, *new = channels
    assert first == second == resent  # the broker may have refused them for the moment only
    assert resent not in new
    rig.advance(8 * SOON)
    broker.serve()
    broker.confirm_all()
    assert bodies(broker) == [b'a', b'b']
    broker.confirm_all()
    assert [each.result() for each in endings] == [None, None]


def test_withdrawn_messages_are_not_kept() -> None:
    rig = Rig()
    broker = rig.up()
    rig.publish(b'refused')
    bodies(broker)
    nack(broker, 1)
    withdrawn = Publication(Message(b'withdrawn'), b'', b'key')
    rig.engine.window.publish(withdrawn)
    references = sys.getrefcount(withdrawn)
    assert rig.engine.withdraw(withdrawn)
    assert sys.getrefcount(withdrawn) < references - 1


def test_without_a_timeout_a_refused_message_fails_at_once() -> None:
    rig = Rig(nack_timeout=0.0)
    broker = rig.up()
    endings = [rig.publish(b'%d' % number) for number in range(3)]
    bodies(broker)
    nack(broker, 2, multiple=True)
    ack(broker, 3)
    assert [isinstance(each.ends[0], MessageRefused) for each in endings] == [True, True, False]


def test_a_waiting_message_can_be_withdrawn_if_it_was_never_sent() -> None:
    rig = Rig()
    broker = rig.up()
    sent = Publication(Message(b'a'), b'', b'key')
    held = Publication(Message(b'b'), b'', b'key')
    rig.engine.window.publish(sent)
    bodies(broker)
    nack(broker, 1)
    rig.engine.window.publish(held)
    assert not rig.engine.withdraw(sent)
    assert rig.engine.withdraw(held)
    rig.advance(SOON)
    assert bodies(broker) == [b'a']
    ack(broker, 2)
    assert bodies(broker) == []
    assert not rig.engine.owes_answers


@pytest.mark.parametrize('probing', [False, True])
def test_a_lost_connection_ends_the_pause_and_keeps_the_order(probing: bool) -> None:
    rig = Rig()
    broker = rig.up()
    for number in range(3):
        rig.publish(b'%d' % number)
    bodies(broker)
    nack(broker, 1)
    rig.publish(b'3')
    if probing:
        nack(broker, 3, multiple=True)
        rig.advance(SOON)
        assert bodies(broker) == [b'0']
    broker = rig.reconnect()
    assert bodies(broker) == [b'0', b'1', b'2', b'3']


def test_a_closed_channel_keeps_the_pause_and_the_order() -> None:
    rig = Rig()
    broker = rig.up()
    for number in range(3):
        rig.publish(b'%d' % number)
    bodies(broker)
    nack(broker, 1)
    broker.close_channel(broker.channel_of(ConfirmSelect), 406)
    rig.publish(b'3')
    came = bodies(broker)
    for _ in range(5):
        rig.advance(SOON)
        came += bodies(broker)
        broker.confirm_all()
    assert came == [b'0', b'1', b'2', b'3']


def test_at_the_end_waiting_messages_fail() -> None:
    rig = Rig()
    broker = rig.up()
    endings = [rig.publish(b'a'), rig.publish(b'b')]
    bodies(broker)
    nack(broker, 1)
    rig.publish(b'c')
    rig.engine.abort()
    rig.carry_out()
    assert all(each.error for each in endings)
