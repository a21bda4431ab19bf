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


def test_without_a_channel_messages_fail_until_there_is_one_again() -> None:
    rig = Rig()
    broker = rig.up(ConnectionTune(3, 0, 0))
    broker.close_channel(2, 541)
    broker.serve()
    consumer = rig.consume()  # which has the only number now
    failed = rig.publish(b'failed')
    rig.advance(1)
    assert 'all 3 channels' in str(failed.error)

    consumer.cancel()
    broker.serve()
    rig.advance(5)
    rig.publish(b'kept')
    broker.serve()
    assert [each.body for each in broker.published] == [b'kept']


def test_nobody_needs_to_wait_for_a_message() -> None:
    rig = Rig()
    broker = rig.up()
    rig.engine.window.publish(Publication(Message(b''), b'', b''))
    broker.serve()
    broker.confirm_all()
    assert not rig.engine.owes_answers
