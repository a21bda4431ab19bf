"""A channel with confirms: what is sent, and what is settled."""

from __future__ import annotations

from coolamqp.attaches.confirm_channel import SEND_BUFFER_BYTES
from coolamqp.attaches.events import ConnectionLost
from coolamqp.attaches.publication import Publication
from coolamqp.exceptions import AMQPError
from coolamqp.framing.definitions import ACCESS_REFUSED, BasicAck, BasicPublish, ChannelClose
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


def test_a_close_that_names_no_publish_refuses_none_until_it_comes_again() -> None:
    rig = Rig()
    broker = rig.up()
    ending = rig.publish(b'kept')
    broker.serve()
    broker.close_channel(broker.published[0].channel, ACCESS_REFUSED)
    broker.serve()
    assert not ending.done()
    rig.advance(1)
    broker.serve()
    assert [each.body for each in broker.published] == [b'kept', b'kept']

    broker.close_channel(broker.published[1].channel, ACCESS_REFUSED)

    assert isinstance(ending.error, AMQPError)
    assert ending.error.reply_code == ACCESS_REFUSED


def test_a_confirm_in_between_excuses_the_next_close() -> None:
    rig = Rig()
    broker = rig.up()
    for body in (b'1', b'2'):
        ending = rig.publish(body)
        broker.serve()
        broker.close_channel(broker.published[-1].channel, ACCESS_REFUSED)
        broker.serve()
        rig.advance(1)
        broker.serve()
        broker.send(broker.published[-1].channel, BasicAck(1, False))
        assert ending.result() is None
