"""Publishing with and without confirms."""

from __future__ import annotations

from coolamqp.attaches.confirm_channel import SEND_BUFFER_BYTES
from coolamqp.attaches.events import ConnectionLost
from coolamqp.attaches.publication import Publication
from coolamqp.framing.definitions import (
    BasicAck,
    BasicPublish,
    ChannelClose,
    ConnectionTune,
)
from coolamqp.objects import Message
from tests.support.rig import Rig


def test_messages_go_out_in_order_and_end_with_their_confirms() -> None:
    rig = Rig()
    broker = rig.up()
    endings = [rig.publish(b'%d' % number) for number in range(5)]
    broker.serve()
    assert [each.body for each in broker.published] == [b'0', b'1', b'2', b'3', b'4']
    assert [each.tag for each in broker.published] == [1, 2, 3, 4, 5]
    channel = broker.published[0].channel
    broker.send(channel, BasicAck(3, False))
    assert [each.done() for each in endings] == [False, False, True, False, False]
    broker.send(channel, BasicAck(4, True))
    assert [each.done() for each in endings] == [True, True, True, True, False]
    assert rig.engine.window.unconfirmed == endings[4:]
    broker.send(channel, BasicAck(4, True), BasicAck(1, False), BasicAck(5, False))
    assert [each.result() for each in endings] == [None] * 5
    assert rig.engine.window.unconfirmed == []


def test_a_confirm_for_what_was_never_sent_costs_the_channel_and_the_messages_are_kept() -> None:
    rig = Rig()
    broker = rig.up()
    ending = rig.publish(b'kept')
    broker.serve()
    broker.send(broker.published[0].channel, BasicAck(2, False))
    broker.serve()
    assert len(broker.said(ChannelClose)) == 1
    assert not ending.done()
    rig.advance(1)
    broker.serve()
    assert [each.body for each in broker.published] == [b'kept', b'kept']
    assert rig.reported(ConnectionLost) == []


def test_what_was_not_confirmed_is_sent_again_in_order_before_what_is_new() -> None:
    rig = Rig()
    broker = rig.up()
    endings = [rig.publish(b'%d' % number) for number in range(4)]
    broker.serve()
    broker.send(broker.published[0].channel, BasicAck(2, False))
    rig.lose()
    endings.append(rig.publish(b'4'))
    rig.advance(1)
    broker = rig.up()
    assert [each.body for each in broker.published] == [b'0', b'2', b'3', b'4']
    broker.confirm_all()
    assert all(each.result() is None for each in endings)


def test_messages_are_sent_ahead_up_to_a_bound_only() -> None:
    rig = Rig()
    broker = rig.up()
    publications = [
        Publication(Message(bytes(SEND_BUFFER_BYTES // 4)), b'', b'') for _ in range(10)
    ]
    for publication in publications:
        rig.engine.window.publish(publication)
    assert SEND_BUFFER_BYTES <= rig.link().unsent < 1.5 * SEND_BUFFER_BYTES
    assert not rig.engine.withdraw(publications[0])
    assert rig.engine.withdraw(publications[9])
    assert not rig.engine.withdraw(publications[9])
    broker.serve()  # the engine is flushed as the socket drains
    assert len(broker.said(BasicPublish)) == 9


def test_a_message_that_was_taken_back_is_not_sent() -> None:
    rig = Rig()
    publications = [Publication(Message(body), b'', b'') for body in (b'a', b'b', b'c')]
    for publication in publications:
        rig.engine.window.publish(publication)
    assert rig.engine.withdraw(publications[1])
    broker = rig.up()
    assert [each.body for each in broker.published] == [b'a', b'c']


def test_a_channel_that_cannot_be_had_is_tried_for_again() -> None:
    rig = Rig()
    rig.engine.start(rig.clock.now)
    broker = rig.connect()
    broker.shake_hands(ConnectionTune(1, 0, 0))
    broker.serve()
    ending = rig.publish(b'kept')
    rig.advance(10)
    assert not ending.done()
    assert 'nothing can be published with confirms' in rig.logged()
    assert 'nothing can be published now' in rig.logged()
    rig.lose()
    rig.advance(10)
    rig.engine.tick(rig.clock.now)
    broker = rig.up()
    assert [each.body for each in broker.published] == [b'kept']


def test_nobody_needs_to_wait_for_a_message() -> None:
    rig = Rig()
    broker = rig.up()
    rig.engine.window.publish(Publication(Message(b''), b'', b''))
    broker.serve()
    broker.confirm_all()
    assert not rig.engine.owes_answers
