"""Lanes: a refused destination costs no other destination anything."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from coolamqp.attaches.publication import Publication
from coolamqp.exceptions import AMQPError
from coolamqp.framing.definitions import (
    BasicNack,
    BasicPublish,
    ChannelClose,
    ChannelOpen,
    ConfirmSelect,
    ConnectionTune,
)
from coolamqp.framing.method import Method
from coolamqp.objects import Message
from coolamqp.supervisor.registry import CHANNELS_MIN
from tests.support.ending import Ending
from tests.support.rig import Rig
from tests.support.scripted_broker import ScriptedBroker

HINTS = [b'', b"NOT_FOUND - no exchange 'gone' in vhost '/'"]


def refuses(*, exchange: bytes = b'', key: bytes = b'') -> Callable[[Method], int]:
    """Return a rule that refuses an exchange, or a routing key."""

    def refuse(method: Method) -> int:
        refused = isinstance(method, BasicPublish) and (
            method.exchange == exchange if exchange else method.routing_key == key
        )
        return 404 if refused else 0

    return refuse


def settle(rig: Rig, broker: ScriptedBroker, steps: int = 20) -> None:
    """Confirm everything, over and over."""
    for _ in range(steps):
        broker.serve()
        broker.confirm_all()
        rig.advance(0.1)


def nack(broker: ScriptedBroker, *tags: int) -> None:
    """Refuse messages for the moment, on the channel that has unconfirmed ones."""
    (channel,) = [channel for channel, unconfirmed in broker.unconfirmed.items() if unconfirmed]
    for tag in tags:
        del broker.unconfirmed[channel][tag]
        broker.send(channel, BasicNack(tag, False, False))


def code(ending: Ending) -> int:
    """Return the reply code of a refused message; 0 for a confirmed one."""
    assert ending.done()
    error = ending.ends[0]
    return error.reply_code if isinstance(error, AMQPError) else 0


@pytest.mark.parametrize('hint', HINTS)
@pytest.mark.parametrize('refused', [{0}, {7}, {2, 5}, {0, 1, 2, 3}, set(range(8))])
def test_exactly_the_refused_messages_fail(refused: set[int], hint: bytes) -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses, broker.refusal_text = refuses(exchange=b'gone'), hint
    endings = [rig.publish(b'%d' % n, b'gone' if n in refused else b'') for n in range(8)]
    settle(rig, broker)
    assert [code(each) for each in endings] == [404 if n in refused else 0 for n in range(8)]
    assert not rig.engine.owes_answers
    for exchange in (b'gone', b''):
        came = [each.body for each in broker.published if each.exchange == exchange]
        assert list(dict.fromkeys(came)) == sorted(set(came))


def test_a_wrong_hint_does_no_harm() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = refuses(key=b'bad')
    broker.refusal_text = b"ACCESS_REFUSED - access to exchange 'innocent' in vhost '/' refused"
    endings = [rig.publish(b'%d' % n, b'innocent') for n in range(4)]
    endings.append(rig.publish(b'4', key=b'bad'))
    settle(rig, broker)
    assert [code(each) for each in endings] == [0, 0, 0, 0, 404]


@pytest.mark.parametrize('hint', HINTS)
def test_a_refused_destination_disturbs_the_others_once(hint: bytes) -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses, broker.refusal_text = refuses(exchange=b'gone'), hint
    rig.publish(b'bad', b'gone')
    settle(rig, broker)
    main = broker.channel_of(ConfirmSelect)
    for _ in range(5):
        bad, good = rig.publish(b'bad', b'gone'), rig.publish(b'good')
        broker.serve()
        broker.confirm_all()
        assert good.done()
        settle(rig, broker, 3)
        assert code(bad) == 404
    good_channels = {each.channel for each in broker.published if each.body == b'good'}
    assert len(good_channels) == 1
    assert main


def test_a_refused_destination_is_tried_again_after_a_pause_only() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses, broker.refusal_text = refuses(exchange=b'gone'), HINTS[1]
    rig.publish(b'bad', b'gone')
    settle(rig, broker, 3)
    endings = [rig.publish(b'bad', b'gone') for _ in range(100)]
    before = len(broker.said(BasicPublish))
    settle(rig, broker, 3)
    assert [code(each) for each in endings] == [404] * 100
    assert len(broker.said(BasicPublish)) - before == 1


def test_a_destination_that_works_again_has_no_lane_of_its_own_any_more() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = refuses(exchange=b'gone')
    rig.publish(b'bad', b'gone')
    settle(rig, broker, 3)
    broker.refuses = refuses()
    back = rig.publish(b'back', b'gone')
    settle(rig, broker, 3)
    assert back.result() is None
    opened = len(broker.said(ChannelOpen))
    assert len(broker.said(ChannelClose)) == 1
    good = [rig.publish(b'good', b'gone'), rig.publish(b'good')]
    settle(rig, broker, 3)
    assert [each.result() for each in good] == [None, None]
    assert len(broker.said(ChannelOpen)) == opened
    assert len({each.channel for each in broker.published if each.body == b'good'}) == 1


def test_many_refused_destinations_use_few_channels() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = lambda method: 406 if isinstance(method, BasicPublish) else 0
    endings = [rig.publish(b'bad', b'gone', key=b'%d' % n) for n in range(50)]
    settle(rig, broker, 300)
    assert [code(each) for each in endings] == [406] * 50
    assert len(broker.open_channels) <= 16 + 3


def test_a_refusal_is_found_across_a_lost_connection() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = refuses(exchange=b'gone')
    endings = [rig.publish(b'a'), rig.publish(b'b', b'gone'), rig.publish(b'c')]
    broker.serve()
    rig.lose()
    rig.advance(1)
    broker = rig.connect()
    broker.refuses = refuses(exchange=b'gone')
    broker.shake_hands()
    settle(rig, broker)
    assert [code(each) for each in endings] == [0, 404, 0]


def test_messages_in_a_lane_can_be_withdrawn() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = refuses(exchange=b'gone')
    rig.publish(b'bad', b'gone')
    settle(rig, broker, 3)
    rig.publish(b'bad', b'gone')
    broker.serve()  # refused: the lane makes a pause
    held = Publication(Message(b'held'), b'gone', b'key')
    rig.engine.window.publish(held)
    assert rig.engine.withdraw(held)
    settle(rig, broker)
    assert not rig.engine.owes_answers


@pytest.mark.parametrize('steps', range(8))
def test_wherever_the_connection_is_lost_every_message_has_an_end(steps: int) -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = lambda method: 406 if isinstance(method, BasicPublish) else 0
    endings = [rig.publish(b'bad', b'gone', key=b'%d' % (n % 2)) for n in range(4)]
    for _ in range(steps):
        for frame in broker.hear():
            broker.serve_frame(frame)
        rig.advance(0.01)
    broker = rig.reconnect()
    settle(rig, broker, 3)
    assert all(each.done() for each in endings)
    assert not rig.engine.owes_answers


def test_messages_behind_a_refused_one_are_not_overtaken_after_a_nack() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = refuses(exchange=b'gone')
    endings = [rig.publish(b'0'), *(rig.publish(b'x', b'gone') for _ in range(2))]
    broker.serve()  # The lane has sent the first one.
    endings += [rig.publish(b'%d' % n) for n in range(1, 4)]
    nack(broker, 1)
    while not endings[1].done():
        for frame in broker.hear():
            broker.serve_frame(frame)
    endings.append(rig.publish(b'4'))  # while the lane opens its channel again
    settle(rig, broker, 10)
    assert [code(each) for each in endings] == [0, 404, 404, 0, 0, 0, 0]
    came = list(dict.fromkeys(each.body for each in broker.published if each.body.isdigit()))
    assert came == [b'0', b'1', b'2', b'3', b'4']
    assert [each.body for each in broker.published][-5:] == came


def test_a_refused_message_frees_what_was_nacked_before_it() -> None:
    rig = Rig()
    broker = rig.up()
    nacked, refused = rig.publish(b'nacked', b'gone'), rig.publish(b'refused', b'gone')
    broker.serve()
    nack(broker, 1)
    broker.close_channel(broker.channel_of(ConfirmSelect), 406, BasicPublish)
    settle(rig, broker)
    assert code(refused) == 406
    assert nacked.result() is None


def test_a_refused_probe_frees_what_waits_behind_it() -> None:
    rig = Rig()
    broker = rig.up()
    endings = [rig.publish(b'%d' % n, b'gone') for n in range(3)]
    broker.serve()
    nack(broker, 1, 2, 3)
    rig.advance(0.05)
    broker.serve()
    broker.close_channel(broker.channel_of(ConfirmSelect), 406, BasicPublish)
    endings.append(rig.publish(b'3', b'gone'))
    settle(rig, broker)
    assert [code(each) for each in endings] == [406, 0, 0, 0]
    assert [each.body for each in broker.published][-3:] == [b'1', b'2', b'3']


def test_without_a_free_channel_exactly_the_refused_messages_fail() -> None:
    rig = Rig()
    broker = rig.up(ConnectionTune(CHANNELS_MIN, 131072, 60))
    broker.refuses = refuses(exchange=b'gone')
    for _ in range(2):
        endings = [rig.publish(b'%d' % n, b'gone' if n == 2 else b'') for n in range(5)]
        settle(rig, broker)
        assert [code(each) for each in endings] == [0, 0, 404, 0, 0]
    assert broker.published[-1].body == b'4'


def test_without_a_free_channel_a_nacked_message_keeps_its_time() -> None:
    rig = Rig()
    broker = rig.up(ConnectionTune(CHANNELS_MIN, 131072, 60))
    ending = rig.publish(b'nacked')
    for _ in range(4):
        broker.serve()
        nack(broker, max(broker.unconfirmed[broker.channel_of(ConfirmSelect)]))
        rig.advance(1)
    settle(rig, broker, 3)
    assert ending.result() is None
