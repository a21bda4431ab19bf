"""Publishing with and without confirms."""

from __future__ import annotations

from coolamqp.attaches.publication import Publication
from coolamqp.framing.definitions import BasicAck, ConnectionTune
from coolamqp.objects import Message
from tests.support.rig import Rig


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
