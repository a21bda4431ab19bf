"""The engine: connecting, restoring, failing, trying again, stopping; against a scripted broker."""

from __future__ import annotations

from itertools import pairwise

import pytest

from coolamqp.attaches.effects import Effects
from coolamqp.attaches.events import (
    AllNodesRefused,
    ClusterStopped,
    ConnectionBlocked,
    ConnectionEstablished,
    ConnectionFailed,
    ConnectionLost,
    ConnectionUnblocked,
    TopologyFailed,
    TopologyRestored,
)
from coolamqp.attaches.operation import declare
from coolamqp.attaches.publication import Publication
from coolamqp.exceptions import AMQPError, ConnectionDead, TLSRefused
from coolamqp.framing.definitions import (
    BasicAck,
    BasicCancel,
    BasicConsume,
    BasicPublish,
    ChannelOpen,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionTune,
    ExchangeDeclare,
    QueueDeclare,
    QueueDelete,
)
from coolamqp.framing.definitions import ConnectionBlocked as ConnectionBlockedMethod
from coolamqp.framing.definitions import QueueBind as QueueBindMethod
from coolamqp.objects import Exchange, Message, NodeDefinition, Queue, QueueBind
from coolamqp.supervisor.engine import (
    CONNECT_TIMEOUT,
    DRAIN_TIMEOUT,
    RESTORE_TIMEOUT,
)
from coolamqp.supervisor.link import Link
from coolamqp.supervisor.nodes import REFUSED_SECONDS_MIN, STABLE_SECONDS
from coolamqp.supervisor.states import TRANSITIONS, EngineState
from coolamqp.uplink.connection import CLOSE_TIMEOUT
from tests.support.ending import Ending
from tests.support.rig import Rig
from tests.support.scripted_broker import NODE, ScriptedBroker, start

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
    if state in (EngineState.DRAINING, EngineState.CLOSING):
        promise = rig.publish(b'last')
        rig.engine.stop(rig.clock.now, refuse_waiting=True)
        if state is EngineState.CLOSING:
            broker.unanswered.add('connection.close')
            broker.serve()
            broker.send(broker.published[-1].channel, BasicAck(1, False))
            assert promise.done()
    if state is EngineState.STOPPED:
        rig.engine.stop(rig.clock.now, refuse_waiting=True)
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
        consumer = rig.consume(Queue('other'))
        assert isinstance(consumer.future_to_notify, Ending)
        promises.append(consumer.future_to_notify)
    rig.engine.stop(rig.clock.now, refuse_waiting=True)
    if broker is not None:
        broker.unanswered.add('connection.close')
        broker.serve()
    rig.engine.stop(rig.clock.now, refuse_waiting=True)
    rig.advance(DRAIN_TIMEOUT)
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


def test_all_states_of_the_table_lead_to_the_end() -> None:
    ends = {EngineState.STOPPED}
    for _ in EngineState:
        ends |= {before for (before, _), after in TRANSITIONS.items() if after in ends}
    assert ends == set(EngineState)


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


# Restoring


def restored_order(broker: ScriptedBroker) -> list[str]:
    """Give the order of what matters: declarations, consume, publish."""
    kept = (ExchangeDeclare, QueueDeclare, QueueBindMethod, BasicConsume, BasicPublish)
    return [method.NAME for _, method in broker.log if isinstance(method, kept)]


def test_topology_comes_first_then_consumers_then_what_is_not_confirmed() -> None:
    rig = Rig()
    broker = rig.up()
    rig.engine.topology.remember(Exchange('ex'))
    rig.engine.topology.remember(Queue('jobs'))
    rig.engine.topology.remember(QueueBind('jobs', 'ex', 'key'))
    consumer = rig.consume(Queue('mine'))
    broker.serve()
    promise = rig.publish(b'kept')
    broker.serve()
    broker = rig.reconnect()

    assert restored_order(broker) == [
        'exchange.declare', 'queue.declare', 'queue.bind',
        'queue.declare', 'basic.consume', 'basic.publish',
    ]  # fmt: skip
    assert consumer.state == 2
    assert not promise.done()
    broker.send(broker.published[0].channel, BasicAck(1, False))
    assert promise.result() is None


def test_nothing_is_consumed_or_published_before_the_topology_is_there() -> None:
    rig = Rig()
    rig.engine.topology.remember(Queue('jobs'))
    rig.publish(b'early')
    rig.engine.start(rig.clock.now)
    rig.consume()
    broker = rig.connect()
    broker.unanswered = {'queue.declare'}
    broker.shake_hands()
    broker.serve()
    assert restored_order(broker) == ['queue.declare']

    broker.unanswered = {'basic.consume'}
    broker._answer(broker.channel_of(QueueDeclare), QueueDeclare(b'jobs'))
    late = rig.consume(Queue('late'))  # the topology is there, so it is taken up at once
    broker.serve()
    assert broker.said(BasicPublish) == []
    assert late.state == 1

    for channel, method in list(broker.log):
        if isinstance(method, BasicConsume) and method.queue == b'jobs':
            broker._answer(channel, method)
    broker.serve()
    assert [each.body for each in broker.published] == [b'early']
    assert rig.state() is EngineState.UP


def test_topology_that_cannot_be_restored_is_noticed_and_holds_nothing_up() -> None:
    rig = Rig()
    rig.engine.start(rig.clock.now)
    bad = Queue('bad')
    for subject in (Queue('good'), bad, Queue('better')):
        rig.engine.topology.remember(subject)
    broker = rig.connect()
    broker.refuses = lambda m: 406 if isinstance(m, QueueDeclare) and m.queue == b'bad' else 0
    broker.shake_hands()
    broker.serve()
    rig.advance(1)
    broker.serve()

    assert rig.state() is EngineState.UP
    (failed,) = rig.reported(TopologyFailed)
    assert failed.object is bad
    assert isinstance(failed.error, AMQPError)
    assert [q.queue for q in broker.said(QueueDeclare)][-1] == b'better'


def test_a_connection_lost_while_topology_is_restored_leaves_nothing_behind() -> None:
    rig = Rig()
    rig.engine.topology.remember(Queue('jobs'))
    rig.engine.start(rig.clock.now)
    consumer = rig.consume(Queue('mine'))
    for _ in range(3):
        broker = rig.connect()
        broker.unanswered = {'queue.declare'}
        broker.shake_hands()
        broker.serve()
        assert rig.state() is EngineState.RESTORING
        rig.lose()
        rig.advance(1)
    broker = rig.up()

    assert rig.state() is EngineState.UP
    assert consumer.state == 2
    assert [each.queue for each in broker.said(QueueDeclare)] == [b'jobs', b'mine']


def test_what_waiting_for_its_retry_is_taken_up_on_the_next_connection() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = lambda m: 405 if isinstance(m, QueueDeclare) else 0
    consumer = rig.consume()
    broker.serve()
    rig.lose()  # while the consumer waits to try again
    rig.advance(0.01)
    rig.advance(60)  # its time comes while there is no connection
    assert consumer.state == 0
    broker = rig.up()
    assert consumer.state == 2
    assert len(broker.said(BasicConsume)) == 1


def test_a_consumer_that_waiting_for_its_retry_is_told_of_a_lost_connection() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = lambda m: 405 if isinstance(m, QueueDeclare) else 0
    consumer = rig.consume(cancel_on_failure=True)
    broker.serve()
    rig.lose()
    assert consumer.cancelled


def test_forgotten_queues_and_their_bindings_are_not_restored() -> None:
    rig = Rig()
    rig.up()
    for subject in (Exchange('ex'), Queue('a'), Queue('b'), QueueBind('a', 'ex', 'k')):
        rig.engine.topology.remember(subject)
    rig.engine.topology.remember(Queue('b', durable=True))  # replaces the first
    rig.engine.topology.forget_queue(b'a')
    broker = rig.reconnect()
    assert restored_order(broker) == ['exchange.declare', 'queue.declare']
    assert broker.said(QueueDeclare)[0].durable


# Calls


def test_what_was_asked_without_a_connection_comes_after_the_topology() -> None:
    rig = Rig()
    promise = Ending()
    rig.engine.call([QueueDelete(b'old')], promise)
    rig.engine.topology.remember(Queue('jobs'))
    broker = rig.up()
    said = [
        method.NAME for _, method in broker.log if isinstance(method, (QueueDeclare, QueueDelete))
    ]
    assert said == ['queue.declare', 'queue.delete']
    assert promise.result() is None


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


def test_the_nodes_of_a_round_are_tried_one_after_the_other_at_once() -> None:
    rig = Rig(THREE)
    rig.engine.start(rig.clock.now)
    tried = []
    for _ in range(4):
        assert rig.engine.link is not None
        tried.append(rig.engine.link.node.host)
        rig.lose()
        rig.advance(rig.reported(ConnectionFailed)[-1].retry_in)
    assert tried == ['one', 'two', 'three', 'one']
    delays = [each.retry_in for each in rig.reported(ConnectionFailed)]
    assert delays == [0.0, 0.0, pytest.approx(0.05), 0.0]
    assert [node.host for node, _ in rig.engine.failures] == ['one', 'two', 'three']
    assert rig.reported(ConnectionLost) == []


def test_a_lost_connection_goes_on_with_the_next_node() -> None:
    rig = Rig(THREE)
    rig.up()
    rig.lose()
    assert rig.reported(ConnectionLost)[0].node == THREE[0]
    assert rig.reported(ConnectionFailed) == []
    rig.advance(0.1)
    assert rig.engine.link is not None
    assert rig.engine.link.node.host == 'two'


def test_delays_grow_with_the_outage_and_begin_anew_after_it() -> None:
    rig = Rig(random=lambda: 1.0)
    rig.engine.start(rig.clock.now)
    for _ in range(100):
        rig.lose()
        rig.advance(rig.reported(ConnectionFailed)[-1].retry_in)
    delays = [each.retry_in for each in rig.reported(ConnectionFailed)]
    assert delays[0] == pytest.approx(0.1)
    assert all(before <= after + 1e-9 for before, after in pairwise(delays))
    assert delays[-1] == 30.0
    rig.up()
    rig.lose()
    rig.advance(0.1)
    assert rig.state() is EngineState.WAITING  # It may be a broker that throws us out each time.
    rig.advance(30)
    rig.up()
    rig.advance(STABLE_SECONDS)
    rig.lose()
    rig.advance(0.1)
    assert rig.state() is EngineState.CONNECTING


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


def test_there_may_be_a_way_in_while_one_node_is_merely_away() -> None:
    rig = Rig(THREE[:2])
    rig.engine.start(rig.clock.now)
    refuse_login(rig)
    rig.advance(0)
    rig.lose()
    assert rig.reported(AllNodesRefused) == []


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
    assert rig.engine.wake_at() == rig.engine.link.deadline == rig.clock.now + 2.5
    rig.engine.link.waiting_for = 'end of the TLS handshake'
    rig.advance(2.5)
    (failed,) = rig.reported(ConnectionFailed)
    assert str(failed.cause) == 'no connection within 2.5 s: no end of the TLS handshake'


def test_a_refusal_of_tls_is_one_that_waiting_does_not_mend() -> None:
    rig = Rig()
    rig.engine.start(rig.clock.now)
    cause = TLSRefused('the certificate has expired')
    rig.lose(cause)
    (notice,) = rig.reported(AllNodesRefused)
    assert notice.causes == [(NODE, cause)]
    rig.advance(REFUSED_SECONDS_MIN)
    assert rig.engine.link is None


def test_calls_about_an_attempt_that_was_given_up_mean_nothing() -> None:
    rig = Rig()
    rig.engine.start(rig.clock.now)
    stale = rig.engine.link
    assert stale is not None
    rig.advance(CONNECT_TIMEOUT)
    rig.advance(1)
    for link in (stale, Link(THREE[0], 0.0, lambda: None)):
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


def test_stopping_waiting_for_what_was_promised() -> None:
    rig = Rig()
    broker = rig.up()
    consumer = rig.consume()
    broker.serve()
    message, declared = rig.publish(b'last'), Ending()
    broker.unanswered = {'queue.declare'}
    rig.engine.call(declare(Queue('last')), declared)
    rig.engine.stop(rig.clock.now, refuse_waiting=True)
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


def test_stopping_waits_no_longer_than_the_drain_timeout() -> None:
    rig = Rig()
    broker = rig.up()
    message = rig.publish(b'never confirmed')
    broker.serve()
    rig.engine.stop(rig.clock.now, refuse_waiting=True)
    for _ in range(int(DRAIN_TIMEOUT) - 1):
        rig.advance(1)
    assert rig.state() is EngineState.DRAINING
    rig.advance(1)
    assert rig.state() is EngineState.CLOSING
    broker.serve()
    assert rig.state() is EngineState.STOPPED
    assert isinstance(message.error, ConnectionDead)


def test_a_broker_that_does_not_answer_the_close_is_left() -> None:
    rig = Rig()
    rig.up()
    rig.engine.stop(rig.clock.now, refuse_waiting=True)
    assert rig.state() is EngineState.CLOSING
    rig.advance(CLOSE_TIMEOUT)
    assert rig.state() is EngineState.STOPPED


def test_an_engine_without_a_connection_ignores_its_words() -> None:
    rig = Rig()
    rig.engine.on_open()
    rig.engine.on_closed(None)
    rig.engine._on_deadline()
    rig.engine._on_restored()
    rig.engine._try_again()
    rig.carry_out()
    assert rig.state() is EngineState.IDLE
    assert rig.reports == []
    assert not Effects()


def test_channels_are_opened_once_each() -> None:
    rig = Rig()
    broker = rig.up()
    assert len(broker.said(ChannelOpen)) == 3


def test_what_takes_too_long_to_restore_holds_up_nobody_for_ever() -> None:
    rig = Rig()
    rig.engine.topology.remember(Queue('slow'))
    rig.engine.start(rig.clock.now)
    broker = rig.connect()
    broker.unanswered.add('queue.declare')
    broker.shake_hands()
    broker.serve()
    promise = rig.publish(b'x')
    rig.advance(RESTORE_TIMEOUT)
    broker.serve()

    assert rig.state() is EngineState.UP
    assert [each.body for each in broker.published] == [b'x']
    broker.send(broker.published[0].channel, BasicAck(1, False))
    assert promise.ends == [None]


def test_what_is_undone_of_a_persistent_queue_is_not_restored() -> None:
    rig = Rig()
    rig.engine.topology.remember(Queue('q', exchange=Exchange('ex'), routing_key='k'))
    rig.engine.topology.forget_binding(QueueBind('q', 'ex', 'k'))
    broker = rig.up()
    assert len(broker.said(QueueDeclare)) == len(broker.said(ExchangeDeclare)) == 1
    assert broker.said(QueueBindMethod) == []

    rig.engine.topology.forget_exchange(b'ex')
    assert rig.reconnect().said(ExchangeDeclare) == []
