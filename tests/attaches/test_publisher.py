"""Publishing with and without confirms."""

from __future__ import annotations

import pytest

from coolamqp.attaches.events import ConnectionLost
from coolamqp.attaches.publication import OVERHEAD_BYTES, Publication
from coolamqp.attaches.publisher import SEND_BUFFER_BYTES
from coolamqp.exceptions import AMQPError, MessageRefused, WireError
from coolamqp.framing.definitions import (
    BasicAck,
    BasicDeliver,
    BasicNack,
    BasicPublish,
    ConfirmSelect,
    ConnectionClose,
    ConnectionTune,
    QueueDeclareOk,
)
from coolamqp.framing.frames import encode_method
from coolamqp.framing.method import Method
from coolamqp.framing.properties import NO_PROPERTIES
from coolamqp.objects import Message
from tests.support.rig import Rig
from tests.support.scripted_broker import ScriptedBroker, content


def refuse_exchange(method: Method) -> int:
    """Refuse what is published to the exchange "gone"."""
    return 404 if isinstance(method, BasicPublish) and method.exchange == b'gone' else 0


def settle(rig: Rig, broker: ScriptedBroker, steps: int = 20) -> None:
    """Let the broker confirm all that it has, over and over."""
    for _ in range(steps):
        broker.serve()
        confirm_all(broker)
        rig.advance(6)


def confirm_all(broker: ScriptedBroker) -> None:
    """Confirm what came on the present confirming channel."""
    channel = broker.channel_of(ConfirmSelect)
    if broker._tags.get(channel):
        broker.send(channel, BasicAck(broker._tags[channel], True))


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
    assert rig.engine._publisher.held == 1
    assert rig.engine._publisher.held_bytes == OVERHEAD_BYTES + 1 + len(NO_PROPERTIES)
    broker.send(channel, BasicAck(4, True), BasicAck(1, False), BasicAck(5, False))
    assert [each.result() for each in endings] == [None] * 5
    assert rig.engine._publisher.held_bytes == 0


def test_a_nack_ends_the_messages_it_is_about() -> None:
    rig = Rig()
    broker = rig.up()
    endings = [rig.publish(b'%d' % number) for number in range(3)]
    broker.serve()
    broker.send(broker.published[0].channel, BasicNack(2, True, False), BasicAck(3, False))
    assert isinstance(endings[0].error, MessageRefused)
    assert isinstance(endings[1].error, MessageRefused)
    assert endings[2].result() is None


def test_a_confirm_for_what_was_never_sent_is_a_violation_and_the_messages_are_kept() -> None:
    rig = Rig()
    broker = rig.up()
    ending = rig.publish(b'kept')
    broker.serve()
    broker.send(broker.published[0].channel, BasicAck(2, False))
    (close,) = [m for m in broker.methods() if isinstance(m, ConnectionClose)]
    assert close.reply_code == 406
    assert isinstance(rig.reported(ConnectionLost)[0].cause, WireError)
    assert not ending.done()
    rig.advance(1)
    assert [each.body for each in rig.up().published] == [b'kept']


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
    confirm_all(broker)
    assert all(each.result() is None for each in endings)


def test_a_refusal_finds_exactly_its_message() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = refuse_exchange
    endings = [rig.publish(b'%d' % n, b'gone' if n in (2, 5) else b'') for n in range(8)]
    settle(rig, broker)
    for number, ending in enumerate(endings):
        if number in (2, 5):
            assert isinstance(ending.error, AMQPError)
            assert ending.error.reply_code == 404
        else:
            assert ending.result() is None
    firsts = list(dict.fromkeys(each.body for each in broker.published))
    assert firsts == sorted(firsts)
    assert rig.engine._publisher.held == 0


def test_a_refusal_is_found_across_a_lost_connection() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = refuse_exchange
    endings = [rig.publish(b'a'), rig.publish(b'b', b'gone'), rig.publish(b'c')]
    broker.serve()
    rig.advance(1)
    broker.serve()  # the search has begun, with the first message
    rig.lose()
    rig.advance(1)
    broker = rig.connect()
    broker.refuses = refuse_exchange
    broker.shake_hands()
    settle(rig, broker)
    assert [isinstance(each.ends[0], AMQPError) for each in endings] == [False, True, False]


def test_messages_are_sent_ahead_up_to_a_bound_only() -> None:
    rig = Rig()
    broker = rig.up()
    publications = [
        Publication(Message(bytes(SEND_BUFFER_BYTES // 4)), b'', b'') for _ in range(10)
    ]
    for publication in publications:
        rig.engine.window.publish(publication)
    assert SEND_BUFFER_BYTES <= rig.link().unsent < 1.5 * SEND_BUFFER_BYTES
    assert rig.engine._publisher.held == 10
    assert not rig.engine._publisher.withdraw(publications[0])
    assert rig.engine._publisher.withdraw(publications[9])
    assert not rig.engine._publisher.withdraw(publications[9])
    assert rig.engine._publisher.held == 9
    broker.serve()  # the engine is flushed as the socket drains
    assert len(broker.said(BasicPublish)) == 9


def test_a_message_that_was_taken_back_is_not_sent() -> None:
    rig = Rig()
    publications = [Publication(Message(body), b'', b'') for body in (b'a', b'b', b'c')]
    for publication in publications:
        rig.engine.window.publish(publication)
    assert rig.engine._publisher.withdraw(publications[1])
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


@pytest.mark.parametrize(
    'data',
    [
        encode_method(2, QueueDeclareOk(b'q', 0, 0)),
        encode_method(2, BasicDeliver(b'tag', 1, False, b'', b'')) + content(2, b'body'),
        encode_method(3, BasicAck(1, False)),
    ],
)
def test_what_has_no_business_on_a_publishers_channel(data: bytes) -> None:
    rig = Rig()
    broker = rig.up()
    assert broker.channel_of(ConfirmSelect) == 2
    broker.feed(data)
    (close,) = [m for m in broker.methods() if isinstance(m, ConnectionClose)]
    assert close.reply_code == 503
    assert isinstance(rig.reported(ConnectionLost)[0].cause, WireError)


# Without confirms


def test_a_refused_plain_message_is_dropped_and_publishing_goes_on() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = refuse_exchange
    rig.engine.window.publish_plain(Publication(Message(b'a'), b'gone', b''))
    broker.serve()
    assert 'refused a message published without confirm' in rig.logged()
    rig.engine.window.publish_plain(Publication(Message(b'b'), b'', b''))
    rig.advance(1)
    broker.serve()
    rig.engine.window.publish_plain(Publication(Message(b'c'), b'', b''))
    broker.serve()
    assert [each.body for each in broker.published] == [b'c']


def test_nobody_needs_to_wait_for_a_message() -> None:
    rig = Rig()
    broker = rig.up()
    rig.engine.window.publish(Publication(Message(b''), b'', b''))
    broker.serve()
    confirm_all(broker)
    assert rig.engine._publisher.held == 0
