"""Recovery: topology first, then consumers, then publishers; and what happens on the way."""

from __future__ import annotations

from coolamqp.attaches.events import TopologyFailed, TopologyRestored
from coolamqp.exceptions import AMQPError
from coolamqp.framing.definitions import (
    BasicAck,
    BasicConsume,
    BasicPublish,
    ExchangeDeclare,
    QueueDeclare,
    QueueDelete,
)
from coolamqp.framing.definitions import QueueBind as QueueBindMethod
from coolamqp.objects import Exchange, Queue, QueueBind
from coolamqp.supervisor.engine import RESTORE_TIMEOUT
from coolamqp.supervisor.states import EngineState
from tests.support.ending import Ending
from tests.support.rig import Rig
from tests.support.scripted_broker import ScriptedBroker


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


def test_a_queue_that_only_its_consumer_declares_is_bound_before_it_is_consumed() -> None:
    rig = Rig()
    broker = rig.up()
    rig.consume(Queue('mine', exclusive=True))
    broker.serve()
    rig.engine.topology.remember(QueueBind('mine', 'ex', 'key'))
    broker = rig.reconnect()
    assert restored_order(broker) == ['queue.declare', 'queue.bind', 'basic.consume']


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


def test_a_consumer_that_waits_for_its_retry_is_taken_up_on_the_next_connection() -> None:
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


def test_a_consumer_that_waits_for_its_retry_is_told_of_a_lost_connection() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = lambda m: 405 if isinstance(m, QueueDeclare) else 0
    consumer = rig.consume(cancel_on_failure=True)
    broker.serve()
    rig.lose()
    assert consumer.cancelled


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
    assert rig.reported(TopologyRestored) == []
    broker.send(broker.published[0].channel, BasicAck(1, False))
    assert promise.ends == [None]
    broker._answer(broker.channel_of(QueueDeclare), QueueDeclare(b'slow'))
    assert len(rig.reported(TopologyRestored)) == 1
