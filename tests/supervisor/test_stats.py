"""The statistics of an engine, and the judgement on its health; by a manual clock."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from coolamqp.attaches.consumer import Consumer
from coolamqp.attaches.mailbox import Hook, Mailbox
from coolamqp.attaches.publication import Publication
from coolamqp.exceptions import AMQPError, ConnectionDead, WireError
from coolamqp.framing.definitions import (
    BasicAck,
    BasicGet,
    BasicGetOk,
    BasicNack,
    BasicPublish,
    ConnectionBlocked,
    ConnectionClose,
    ConnectionTune,
    ConnectionUnblocked,
)
from coolamqp.framing.frames import HEARTBEAT_FRAME
from coolamqp.objects import Message, Queue
from coolamqp.supervisor.mailboxes import TURN_SECONDS, Turn
from coolamqp.supervisor.stats import (
    RECONNECT_CAUSES,
    ReconnectCause,
    Stats,
    cause_of,
    health_of,
)
from tests.support.ending import Ending
from tests.support.rig import Rig
from tests.support.scripted_broker import ScriptedBroker


def stats_of(rig: Rig) -> Stats:
    return rig.engine.stats(rig.clock.now)


def up(**options: Any) -> tuple[Rig, ScriptedBroker]:
    rig = Rig(**options)
    return rig, rig.up()


def publish(rig: Rig, *arguments: Any, **options: Any) -> Ending:
    """Publish a message, and let the engine have its turn, as all drivers do."""
    promise = rig.publish(*arguments, **options)
    rig.engine.tick(rig.clock.now)
    return promise


def balance(stats: Stats) -> int:
    """Return the number of messages with confirms that have come to another end."""
    return stats.published - stats.confirmed - stats.unconfirmed


# Connection


def test_an_engine_that_is_not_started_has_done_nothing() -> None:
    stats = stats_of(Rig())

    assert stats.state == 'idle'
    counts = [value for value in asdict(stats).values() if isinstance(value, (int, float))]
    assert sum(counts) == 1  # `reading`
    assert stats.reconnects == dict.fromkeys(RECONNECT_CAUSES, 0)


def test_statistics_are_plain_values() -> None:
    rig, _ = up()
    stats = stats_of(rig)

    assert json.loads(json.dumps(asdict(stats))) == asdict(stats)


def test_a_connection_has_its_state_and_channels() -> None:
    rig, broker = up()
    before = stats_of(rig)
    rig.consume()
    broker.serve()

    assert (before.state, before.connected, before.connections) == ('up', True, 1)
    assert stats_of(rig).channels == before.channels + 1 == len(broker.open_channels)


def test_a_failed_try_and_a_lost_connection_are_two_things() -> None:
    rig = Rig()
    rig.engine.start(rig.clock.now)
    rig.lose()
    assert (stats_of(rig).state, stats_of(rig).failed_connects) == ('waiting', 1)

    rig.advance(1.0)
    rig.up()
    rig.reconnect()
    stats = stats_of(rig)
    assert (stats.failed_connects, stats.connections) == (1, 2)
    assert stats.reconnects['network'] == 1


def test_a_silent_broker_is_a_heartbeat_timeout() -> None:
    rig, _ = up()
    rig.advance(120)
    stats = stats_of(rig)

    assert stats.reconnects['heartbeat_timeout'] == 1
    assert stats.heartbeats_missed == 1


def test_silence_that_ends_in_time_is_a_missed_heartbeat_without_a_reconnect() -> None:
    rig = Rig()
    broker = rig.up(ConnectionTune(2047, 131072, 10))
    rig.advance(9)
    broker.feed(HEARTBEAT_FRAME)
    assert stats_of(rig).heartbeats_missed == 0
    rig.advance(12)
    broker.feed(HEARTBEAT_FRAME)
    assert stats_of(rig).heartbeats_missed == 1

    rig.reconnect()
    assert stats_of(rig).heartbeats_missed == 1
    assert sum(stats_of(rig).reconnects.values()) == 1


def test_a_connection_that_the_broker_closes_is_counted_as_that() -> None:
    rig, broker = up()
    broker.send(0, ConnectionClose(320, b'CONNECTION_FORCED', 0, 0))
    rig.carry_out()

    assert stats_of(rig).reconnects['closed_by_broker'] == 1


@pytest.mark.parametrize(
    ('error', 'silent', 'cause'),
    [
        (ConnectionDead('x'), True, 'heartbeat_timeout'),
        (AMQPError(320, 'x', 0, 0), False, 'closed_by_broker'),
        (WireError('x', 'on channel 0', 501), False, 'protocol_error'),
        (ConnectionDead('x'), False, 'network'),
        (OSError('x'), False, 'network'),
    ],
)
def test_the_cause_of_a_reconnect(error: Exception, silent: bool, cause: ReconnectCause) -> None:
    assert cause_of(error, silent) == cause


def test_blocked_time_adds_up() -> None:
    rig, broker = up()
    broker.send(0, ConnectionBlocked(b'memory'))
    rig.advance(3)
    assert (stats_of(rig).blocked, stats_of(rig).blocked_seconds) == (True, 3.0)
    broker.send(0, ConnectionUnblocked())
    rig.advance(5)
    assert (stats_of(rig).blocked, stats_of(rig).blocked_seconds) == (False, 3.0)
    broker.send(0, ConnectionBlocked(b'memory'))
    rig.advance(1)
    rig.lose()
    rig.advance(10)
    assert (stats_of(rig).blocked, stats_of(rig).blocked_seconds) == (False, 4.0)


# Publishing


def test_a_message_is_unconfirmed_until_it_is_confirmed() -> None:
    rig, broker = up()
    publish(rig, b'12345')
    broker.serve()
    rig.advance(7)
    stats = stats_of(rig)
    assert (stats.published, stats.confirmed, stats.unconfirmed) == (1, 0, 1)
    assert stats.unconfirmed_bytes > 5
    assert stats.unconfirmed_age == 7.0

    broker.confirm_all()
    stats = stats_of(rig)
    assert (stats.published, stats.confirmed, stats.unconfirmed) == (1, 1, 0)
    assert (stats.unconfirmed_bytes, stats.unconfirmed_age) == (0, 0.0)


def test_the_oldest_message_has_the_age_also_before_there_is_a_connection() -> None:
    rig = Rig()
    rig.engine.start(rig.clock.now)
    for _ in range(3):
        publish(rig, b'')
        rig.advance(2)

    assert stats_of(rig).unconfirmed_age == 6.0


def test_the_oldest_message_has_the_age_after_later_ones_are_confirmed() -> None:
    rig, broker = up()
    for _ in range(3):
        publish(rig, b'')
        rig.advance(2)
        broker.serve()
    broker.send(broker.published[0].channel, BasicAck(1, False), BasicAck(3, False))

    assert (stats_of(rig).unconfirmed, stats_of(rig).unconfirmed_age) == (1, 4.0)


def test_a_refused_message_ages_while_it_waits_and_is_refused_in_the_end() -> None:
    rig, broker = up(nack_timeout=10)
    publish(rig, b'x')
    broker.serve()
    broker.send(broker.published[-1].channel, BasicNack(1, False, False))
    publish(rig, b'y', key=b'other')
    broker.serve()
    broker.send(broker.published[-1].channel, BasicAck(2, False))
    rig.advance(4)
    stats = stats_of(rig)
    assert (stats.nacked, stats.refused, stats.unconfirmed) == (1, 0, 1)
    assert stats.unconfirmed_age == 4.0

    tag = 2
    while not stats.refused:
        rig.advance(1)
        broker.serve()
        if len(broker.published) > tag:
            last = broker.published[-1]
            tag = len(broker.published)
            broker.send(last.channel, BasicNack(last.tag, False, False))
        rig.carry_out()
        stats = stats_of(rig)
    assert (stats.confirmed, stats.unconfirmed, balance(stats)) == (1, 0, 1)


def test_each_other_end_of_a_message_is_counted_once() -> None:
    rig, broker = up(nack_timeout=0)
    returned = rig.publish(b'', key=b'nowhere', mandatory=True)
    refused = rig.publish(b'')
    broker.serve()
    broker.give_back(broker.published[0])
    broker.send(broker.published[0].channel, BasicAck(1, False), BasicNack(2, False, False))
    rig.carry_out()
    stats = stats_of(rig)

    assert returned.done()
    assert refused.done()
    assert (stats.returned, stats.refused, stats.nacked) == (1, 1, 1)
    assert (stats.confirmed, stats.unconfirmed, balance(stats)) == (0, 0, 2)


def test_a_message_to_a_missing_exchange_is_refused() -> None:
    rig, broker = up()
    rig.publish(b'', exchange=b'missing')
    broker.serve()
    broker.close_channel(broker.published[0].channel, 404, BasicPublish)
    broker.serve()
    rig.carry_out()

    assert (stats_of(rig).refused, stats_of(rig).confirmed) == (1, 0)


def test_a_withdrawn_message_is_not_confirmed() -> None:
    rig = Rig()
    publication = Publication(Message(b''), b'', b'key')
    rig.engine.window.publish(publication)
    assert rig.engine.withdraw(publication)

    assert (stats_of(rig).unconfirmed, stats_of(rig).confirmed) == (0, 0)
    assert balance(stats_of(rig)) == 1


def test_a_message_that_is_sent_again_is_counted() -> None:
    rig, broker = up()
    rig.publish(b'')
    broker.serve()
    rig.reconnect()

    assert (stats_of(rig).resent, stats_of(rig).published) == (1, 1)


def test_messages_without_confirm_are_published_or_dropped() -> None:
    rig, _ = up()
    rig.engine.window.publish_plain(Publication(Message(b''), b'', b'key'))
    rig.lose()
    rig.engine.window.publish_plain(Publication(Message(b''), b'', b'key'))

    assert (stats_of(rig).published, stats_of(rig).dropped) == (2, 1)
    assert stats_of(rig).unconfirmed == 0


def test_requests_and_transactions_are_published_too() -> None:
    rig, broker = up()
    rig.request()
    rig.commit(*[Publication(Message(b''), b'', b'key') for _ in range(2)])
    broker.serve()

    assert stats_of(rig).published == len(broker.published) == 3


def test_messages_wait_for_room() -> None:
    rig, broker = up(max_unconfirmed=1)
    rig.publish(b'')
    rig.publish(b'')
    assert (stats_of(rig).unconfirmed, stats_of(rig).waiting) == (1, 1)
    assert stats_of(rig).published == 1
    broker.serve()
    broker.confirm_all()
    rig.advance(0)
    assert (stats_of(rig).unconfirmed, stats_of(rig).waiting) == (1, 0)


# Consuming


def test_messages_are_delivered_and_settled() -> None:
    rig, broker = up()
    rig.consume(no_ack=False)
    assert (stats_of(rig).consumers, stats_of(rig).consumers_online) == (1, 0)
    broker.serve()
    assert stats_of(rig).consumers_online == 1
    (channel,) = broker.consumers
    for tag in range(1, 6):
        broker.deliver(channel, tag)
    first, second, third, fourth, _ = rig.messages()
    assert (stats_of(rig).delivered, stats_of(rig).unsettled) == (5, 5)

    first.ack()
    second.ack()
    third.nack()
    fourth.reject()
    broker.serve()
    stats = stats_of(rig)
    assert (stats.acked, stats.requeued, stats.rejected, stats.unsettled) == (2, 1, 1, 1)

    rig.reconnect()
    assert (stats_of(rig).unsettled, stats_of(rig).acked) == (0, 2)


def test_an_acknowledgement_that_does_not_count_is_not_counted() -> None:
    rig, broker = up()
    rig.consume(no_ack=False)
    broker.serve()
    (channel,) = broker.consumers
    broker.deliver(channel, 1)
    rig.reconnect()
    assert not rig.messages()[0].ack()

    assert stats_of(rig).acked == 0


def test_a_fetched_message_is_delivered() -> None:
    rig, broker = up()
    broker.unanswered.add('basic.get')
    rig.fetch(no_ack=True)
    broker.serve()
    from_queue = broker.channel_of(BasicGet)
    assert stats_of(rig).delivered == 0
    broker.send_content(from_queue, BasicGetOk(1, False, b'', b'q', 0), b'body')
    assert stats_of(rig).delivered == 1


def run_turn(rig: Rig, seconds: float) -> None:
    """Run all items of one mailbox, the last one at the end of some seconds."""
    mailbox = rig.engine.mailboxes.take()
    assert mailbox is not None
    turn = Turn(mailbox)
    turn.begin(mailbox, rig.clock.now)
    while turn.next(rig.clock.now) is not None:
        rig.clock.now += seconds
    rig.engine.mailboxes.give_back(turn)


def test_callbacks_and_their_time_are_counted() -> None:
    rig, broker = up()
    rig.add(Consumer(Queue('jobs'), print, no_ack=True))
    broker.serve()
    rig.carry_out()
    (channel,) = broker.consumers
    broker.deliver(channel, 1)
    rig.engine.mailboxes.post(rig.callbacks[-1:])
    assert (stats_of(rig).backlog, stats_of(rig).backlog_bytes) == (1, 4)

    run_turn(rig, 2.5)
    stats = stats_of(rig)
    assert (stats.backlog, stats.callbacks, stats.callbacks_running) == (0, 1, 0)
    assert stats.callback_seconds == pytest.approx(2.5, abs=TURN_SECONDS)


def test_a_running_callback_is_counted_and_other_functions_are_not() -> None:
    rig, _ = up()
    mailboxes = rig.engine.mailboxes
    mailboxes.post_own(print)
    own = mailboxes.take()
    assert own is mailboxes.own
    assert stats_of(rig).callbacks_running == 0
    own.items.clear()
    mailboxes.give_back(Turn(own))

    mailbox = Mailbox(Queue('jobs'), print)
    mailboxes.post([(mailbox, Hook(print))])
    assert mailboxes.take() is mailbox
    assert stats_of(rig).callbacks_running == 1
    mailboxes.give_back(Turn(mailbox))
    assert stats_of(rig).callbacks_running == 0
    assert stats_of(rig).callbacks == 0


# Health


@pytest.fixture
def healthy() -> Stats:
    rig, broker = up()
    rig.consume()
    broker.serve()
    return stats_of(rig)


def test_a_cluster_with_all_consumers_online_is_healthy(healthy: Stats) -> None:
    health = health_of(healthy)

    assert health
    assert str(health) == 'the Cluster is healthy'
    assert (health.connected, health.blocked) == (True, False)
    assert (health.consumers, health.consumers_online) == (1, 1)


@pytest.mark.parametrize(
    ('changed', 'words'),
    [
        ({'connected': False, 'state': 'waiting'}, 'no connection to a broker (state: waiting)'),
        ({'blocked': True}, 'the broker blocks the connection'),
        ({'consumers': 3}, '2 of 3 consumers are not online'),
        ({'unconfirmed_age': 61.0}, 'a message is unconfirmed for 61 s'),
    ],
)
def test_what_is_wrong_is_said(healthy: Stats, changed: dict[str, Any], words: str) -> None:
    health = health_of(replace(healthy, **changed))

    assert not health
    assert words in str(health)
    assert len(health.problems) == 1


def test_several_problems_are_said_together(healthy: Stats) -> None:
    health = health_of(replace(healthy, blocked=True, unconfirmed_age=100.0))

    assert len(health.problems) == 2
    assert str(health) == '; '.join(health.problems)


def test_the_limit_for_the_age_can_be_chosen(healthy: Stats) -> None:
    old = replace(healthy, unconfirmed_age=100.0)

    assert health_of(old, None)
    assert health_of(old, 100.0)
    assert not health_of(old, 99.0)
