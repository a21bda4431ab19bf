"""The engine: connecting, restoring, failing, trying again, stopping; against a scripted broker."""

from __future__ import annotations

import pytest

from coolamqp.attaches.consumer import Consumer, subscription_of
from coolamqp.attaches.consumer_options import STOP_TIMEOUT
from coolamqp.attaches.effects import Effects
from coolamqp.attaches.events import (
    AllNodesRefused,
    ClusterStopped,
    ConnectionBlocked,
    ConnectionEstablished,
    ConnectionFailed,
    ConnectionLost,
    ConnectionUnblocked,
    TopologyRestored,
)
from coolamqp.attaches.operation import declare
from coolamqp.attaches.publication import Publication
from coolamqp.exceptions import AMQPError, ConnectionDead
from coolamqp.framing.definitions import (
    BasicAck,
    BasicCancel,
    ChannelOpen,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionTune,
    QueueDeclare,
    QueueDelete,
)
from coolamqp.framing.definitions import ConnectionBlocked as ConnectionBlockedMethod
from coolamqp.framing.frames import HEARTBEAT_FRAME
from coolamqp.objects import Exchange, Message, NodeDefinition, Queue
from coolamqp.supervisor.addresses import AddressChoice
from coolamqp.supervisor.engine import CONNECT_TIMEOUT
from coolamqp.supervisor.link import Link
from coolamqp.supervisor.nodes import REFUSED_SECONDS_MIN
from coolamqp.supervisor.states import TRANSITIONS, EngineState
from coolamqp.uplink.connection import CLOSE_TIMEOUT, HANDSHAKE_TIMEOUT
from tests.support.ending import Ending
from tests.support.rig import Rig
from tests.support.scripted_broker import ScriptedBroker, start

THREE = [NodeDefinition(name, 'guest', 'secret') for name in ('one', 'two', 'three')]


def rig_in(state: EngineState) -> tuple[Rig, ScriptedBroker | None]:
    """Lead an engine into a state, with a persistent queue to restore."""
    rig, broker = Rig(), None
    if state is EngineState.IDLE:
        return rig, None
    rig.engine.start(rig.clock.now)
    if state is EngineState.WAITING:
        rig.lose()
    if state in (EngineState.CONNECTING, EngineState.WAITING):
        return rig, None
    if state is EngineState.SHAKING_HANDS:
        return rig, rig.connect()
    rig.engine.topology.remember(Queue('jobs'))
    broker = rig.connect()
    broker.shake_hands()
    if state is not EngineState.RESTORING:
        broker.serve()
    if state is EngineState.CANCELLING:
        consumer = rig.consume()
        broker.serve()
        subscription_of(consumer).mailbox.scheduled = 1  # A callback runs.
        rig.engine.stop(rig.clock.now)
        broker.serve()
    if state in (EngineState.DRAINING, EngineState.CLOSING):
        promise = rig.publish(b'last')
        rig.engine.stop(rig.clock.now)
        if state is EngineState.CLOSING:
            broker.unanswered.add('connection.close')
            broker.serve()
            broker.send(broker.published[-1].channel, BasicAck(1, False))
            assert promise.done()
    if state is EngineState.STOPPED:
        rig.engine.stop(rig.clock.now)
        broker.serve()
    rig.carry_out()
    return rig, broker


@pytest.mark.parametrize('state', list(EngineState))
def test_every_state_can_be_reached(state: EngineState) -> None:
    rig, _ = rig_in(state)
    assert rig.state() is state


@pytest.mark.parametrize('state', list(EngineState))
def test_stopping_in_any_state_ends_every_promise_and_says_stopped_once(
    state: EngineState,
) -> None:
    rig, broker = rig_in(state)
    promises = []
    if state is not EngineState.STOPPED:
        promises = [rig.publish(b'kept'), Ending()]
        rig.engine.call(declare(Exchange('ex')), promises[1])
        promises.append(Ending())
        rig.add(Consumer(Queue('other'), None), promises[-1])
    rig.engine.stop(rig.clock.now)
    if broker is not None:
        broker.unanswered.add('connection.close')
        broker.serve()
    rig.engine.stop(rig.clock.now)
    rig.advance(STOP_TIMEOUT)
    rig.advance(CLOSE_TIMEOUT)

    assert rig.state() is EngineState.STOPPED
    assert len(rig.reported(ClusterStopped)) == 1
    assert all(promise.done() for promise in promises)
    assert rig.engine.link is None
    assert rig.engine.wake_at() == float('inf')


@pytest.mark.parametrize('state', list(EngineState))
def test_losing_the_transport_in_any_state_leads_where_the_table_says(state: EngineState) -> None:
    rig, _ = rig_in(state)
    if rig.engine.link is None:
        assert (state, 'failed') not in TRANSITIONS
        return
    rig.lose()
    assert rig.state() is TRANSITIONS[state, 'failed']
    assert rig.engine.link is None


def test_a_first_connection() -> None:
    rig = Rig()
    rig.engine.start(rig.clock.now)
    broker = rig.connect()
    assert rig.state() is EngineState.SHAKING_HANDS
    broker.shake_hands()
    assert rig.state() is EngineState.RESTORING
    assert [type(each) for each in rig.reports] == [ConnectionEstablished]
    broker.serve()
    assert rig.state() is EngineState.UP
    assert [type(each) for each in rig.reports] == [ConnectionEstablished, TopologyRestored]
    assert rig.engine.properties is not None
    assert rig.engine.properties.properties['product'] == 'Scripted'
    assert rig.reported(ConnectionEstablished)[0].properties is rig.engine.properties
    assert rig.engine.failures == []


# Calls


def test_a_call_is_remembered_once_it_has_succeeded_and_not_if_it_was_refused() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = lambda m: 406 if isinstance(m, QueueDeclare) and m.queue == b'bad' else 0
    good, bad, plain = Ending(), Ending(), Ending()
    remembered: list[str] = []
    rig.engine.call(declare(Queue('good')), good, lambda: remembered.append('good'))
    rig.engine.call(declare(Queue('bad')), bad, lambda: remembered.append('bad'))
    rig.engine.call([QueueDelete(b'old')], plain)
    broker.serve()
    rig.advance(1)
    broker.serve()
    assert remembered == ['good']
    assert good.result() is None
    assert plain.result() is None
    assert isinstance(bad.error, AMQPError)


def test_plain_messages_are_dropped_while_there_is_no_connection() -> None:
    rig = Rig()
    publication = Publication(Message(b'plain'), b'ex', b'key')
    rig.engine.window.publish_plain(publication)
    broker = rig.up()
    assert broker.published == []
    rig.engine.window.publish_plain(publication)
    broker.serve()
    assert [(each.body, each.tag) for each in broker.published] == [(b'plain', 0)]
    rig.lose()
    rig.engine.window.publish_plain(publication)
    rig.advance(1)
    assert rig.up().published == []


# Failing, and trying again


def test_a_lost_connection_goes_on_with_the_next_node() -> None:
    rig = Rig(THREE)
    rig.up()
    rig.lose()
    assert rig.reported(ConnectionLost)[0].node == THREE[0]
    assert rig.reported(ConnectionFailed) == []
    rig.advance(0.1)
    assert rig.engine.link is not None
    assert rig.engine.link.node.host == 'two'


def refuse_login(rig: Rig, code: int = 403) -> None:
    """Have the broker refuse the login."""
    broker = rig.connect()
    broker.hear()
    broker.send(0, start(), ConnectionClose(code, 'no', 0, 0))
    rig.carry_out()


@pytest.mark.parametrize('code', [403, 530])
def test_no_way_in_is_noticed_once_every_node_has_refused_us_for_good(code: int) -> None:
    rig = Rig(THREE)
    rig.engine.start(rig.clock.now)
    for _ in THREE:
        assert rig.reported(AllNodesRefused) == []
        refuse_login(rig, code)
        rig.advance(0)
    (notice,) = rig.reported(AllNodesRefused)
    assert [node.host for node, _ in notice.causes] == ['one', 'two', 'three']
    assert rig.reported(ConnectionFailed)[-1].retry_in >= REFUSED_SECONDS_MIN
    rig.advance(REFUSED_SECONDS_MIN + 1)
    refuse_login(rig, code)
    assert len(rig.reported(AllNodesRefused)) == 1


def test_a_broker_with_too_few_channels_is_refused_at_once_and_closed() -> None:
    rig = Rig()
    rig.engine.start(rig.clock.now)
    broker = rig.connect()
    broker.shake_hands(ConnectionTune(1, 0, 0))
    broker.expect(ConnectionClose)
    rig.carry_out()
    ((_, cause),) = rig.reported(AllNodesRefused)[0].causes
    assert 'may have 1 channel, but CoolAMQP needs 3' in str(cause)
    assert rig.state() is EngineState.WAITING


def test_a_transport_that_does_not_come_up_in_time_is_given_up() -> None:
    rig = Rig()
    rig.engine.start(rig.clock.now)
    assert rig.engine.wake_at() == rig.clock.now + CONNECT_TIMEOUT
    rig.advance(CONNECT_TIMEOUT - 0.001)
    assert rig.state() is EngineState.CONNECTING
    rig.advance(0.001)
    (failed,) = rig.reported(ConnectionFailed)
    assert isinstance(failed.cause, ConnectionDead)
    assert rig.engine.link is None


def test_a_node_may_say_how_long_its_transport_may_take() -> None:
    rig = Rig([NodeDefinition('one', 'guest', 'secret', connection_timeout=2.5)])
    rig.engine.start(rig.clock.now)
    assert rig.engine.link is not None
    assert rig.engine.wake_at() == rig.clock.now + 2.5
    rig.engine.link.waiting_for = 'end of the TLS handshake'
    rig.advance(2.5)
    (failed,) = rig.reported(ConnectionFailed)
    assert str(failed.cause) == 'no connection within 2.5 s: no end of the TLS handshake'


def test_a_silent_address_has_its_share_of_the_handshake_and_the_next_try_begins_with_another() -> (
    None
):
    addresses = [(2, 1, 6, '', (host, 5672)) for host in ('silent', 'well')]
    rig, seen = Rig(), []
    rig.engine.start(rig.clock.now)
    for _ in range(2):
        link = rig.link()
        link.addresses.begin(list(addresses), rig.clock.now)
        address = link.addresses.take(rig.clock.now)
        assert address is not None
        seen.append(address)
        link.reached(address, rig.clock.now)
        rig.connect()
        rig.advance(HANDSHAKE_TIMEOUT / 2)
        rig.advance(1.0)
        assert len(rig.reported(ConnectionFailed)) == 1
    assert seen == addresses
    assert 'took over 5 s' in str(rig.reported(ConnectionFailed)[0].cause)


def test_calls_about_an_attempt_that_was_given_up_mean_nothing() -> None:
    rig = Rig()
    rig.engine.start(rig.clock.now)
    stale = rig.engine.link
    assert stale is not None
    rig.advance(CONNECT_TIMEOUT)
    rig.advance(1)
    for link in (stale, Link(THREE[0], AddressChoice(), 0.0, 5.0, lambda: None)):
        rig.engine.link_up(link, rig.clock.now)
        rig.engine.link_failed(link, OSError('late'), rig.clock.now)
        assert rig.state() is EngineState.CONNECTING
        assert link.connection is None
    rig.lose()
    rig.engine.receive(stale, b'late', rig.clock.now)
    assert rig.state() is EngineState.WAITING


def test_the_engine_is_woken_for_the_heartbeats_of_its_connection() -> None:
    rig = Rig()
    rig.up(ConnectionTune(0, 0, 10))
    assert rig.engine.wake_at() == rig.clock.now + 5
    rig.advance(17.4)
    assert rig.state() is EngineState.UP
    rig.advance(0.1)
    assert 'nothing heard' in str(rig.reported(ConnectionLost)[0].cause)


def test_a_close_by_the_broker_is_answered_and_is_the_cause() -> None:
    rig = Rig()
    broker = rig.up()
    broker.send(0, ConnectionClose(320, 'CONNECTION_FORCED', 0, 0))
    cause = rig.reported(ConnectionLost)[0].cause
    assert isinstance(cause, AMQPError)
    assert cause.reply_code == 320
    broker.expect(ConnectionCloseOk)


def test_blocked_is_noticed_and_ends_with_its_connection() -> None:
    rig = Rig()
    broker = rig.up()
    broker.send(0, ConnectionBlockedMethod('low on memory'))
    (blocked,) = rig.reported(ConnectionBlocked)
    assert blocked.reason == 'low on memory'
    assert rig.reported(ConnectionUnblocked) == []
    rig.lose()
    assert len(rig.reported(ConnectionUnblocked)) == 1


# Stopping


def test_stopping_waits_for_what_was_promised() -> None:
    rig = Rig()
    broker = rig.up()
    consumer = rig.consume()
    broker.serve()
    message, declared = rig.publish(b'last'), Ending()
    broker.unanswered = {'queue.declare'}
    rig.engine.call(declare(Queue('last')), declared)
    rig.engine.stop(rig.clock.now)
    broker.serve()
    assert len(broker.said(BasicCancel)) == 1
    assert consumer.cancelled
    assert rig.state() is EngineState.DRAINING
    broker.send(broker.published[0].channel, BasicAck(1, False))
    assert rig.state() is EngineState.DRAINING
    broker._answer(broker.channel_of(QueueDeclare), QueueDeclare(b'last'))
    assert rig.state() is EngineState.CLOSING
    broker.serve()
    assert rig.state() is EngineState.STOPPED
    assert message.result() is None
    assert declared.result() is None
    assert rig.reported(ConnectionLost) == []


def test_until_the_callbacks_have_ended_they_may_publish() -> None:
    rig, broker = rig_in(EngineState.CANCELLING)
    assert broker is not None
    taken = [rig.engine.takes_commands]
    promise = rig.publish(b'from the callback')
    broker.serve()
    (subscription,) = rig.engine._registry.subscriptions
    subscription.mailbox.scheduled = 0
    rig.engine.tick(rig.clock.now)
    broker.serve()
    assert rig.state() is EngineState.DRAINING
    taken.append(rig.engine.takes_commands)
    assert taken == [True, False]
    broker.send(broker.published[-1].channel, BasicAck(1, False))
    assert promise.result() is None


@pytest.mark.parametrize('state', [EngineState.CANCELLING, EngineState.DRAINING])
def test_a_later_call_may_shorten_the_time_of_a_shutdown(state: EngineState) -> None:
    rig, broker = rig_in(state)
    assert broker is not None
    rig.engine.stop(rig.clock.now, None)
    rig.engine.stop(rig.clock.now, 2 * STOP_TIMEOUT)
    assert rig.engine.wake_at() <= rig.clock.now + STOP_TIMEOUT
    rig.engine.stop(rig.clock.now, 0)
    rig.advance(0)
    assert rig.state() is EngineState.STOPPED


@pytest.mark.parametrize('timeout', [0.0, 1.0, 30.0])
def test_a_shutdown_ends_within_its_timeout_though_the_broker_says_nothing(timeout: float) -> None:
    rig = Rig()
    rig.up()
    message = rig.publish(b'never confirmed')
    link = rig.link()
    rig.engine.stop(rig.clock.now, timeout)
    rig.advance(timeout)
    assert rig.state() is EngineState.STOPPED
    assert isinstance(message.error, ConnectionDead)
    assert link.is_over(rig.clock.now)  # though no byte was sent


def test_a_shutdown_without_limit_waits() -> None:
    rig, broker = rig_in(EngineState.UP)
    assert broker is not None
    message = rig.publish(b'confirmed late')
    broker.serve()
    rig.engine.stop(rig.clock.now, None)
    for _ in range(100):
        broker.feed(HEARTBEAT_FRAME)
        rig.advance(10)
    assert rig.state() is EngineState.DRAINING
    broker.send(broker.published[-1].channel, BasicAck(1, False))
    assert message.result() is None


def test_stopping_waits_no_longer_than_its_timeout() -> None:
    rig = Rig()
    broker = rig.up()
    message = rig.publish(b'never confirmed')
    broker.serve()
    rig.engine.stop(rig.clock.now)
    rig.advance(STOP_TIMEOUT - CLOSE_TIMEOUT - 1)
    assert rig.state() is EngineState.DRAINING
    rig.advance(1)
    assert rig.state() is EngineState.CLOSING
    broker.serve()
    assert rig.state() is EngineState.STOPPED
    assert isinstance(message.error, ConnectionDead)


def test_a_broker_that_does_not_answer_the_close_is_left() -> None:
    rig = Rig()
    rig.up()
    rig.engine.stop(rig.clock.now)
    assert rig.state() is EngineState.CLOSING
    rig.advance(CLOSE_TIMEOUT)
    assert rig.state() is EngineState.STOPPED


def test_an_engine_without_a_connection_ignores_its_words() -> None:
    rig = Rig()
    rig.engine.on_open()
    rig.engine.on_closed(None)
    rig.carry_out()
    assert rig.state() is EngineState.IDLE
    assert rig.reports == []
    assert not Effects()


def test_channels_are_opened_once_each() -> None:
    rig = Rig()
    broker = rig.up()
    assert len(broker.said(ChannelOpen)) == 3
