"""The persistent declarations of a recovery: queues that are locked, and what is not repeated."""

from __future__ import annotations

from coolamqp.attaches.channeler import RETRY_SECONDS_MAX
from coolamqp.attaches.events import TopologyFailed, TopologyRestored
from coolamqp.framing.definitions import BasicAck, ConnectionClose, ExchangeDeclare, QueueDeclare
from coolamqp.framing.definitions import QueueBind as QueueBindMethod
from coolamqp.framing.method import Method
from coolamqp.objects import Exchange, Queue, QueueBind
from coolamqp.supervisor.engine import RESTORE_TIMEOUT
from coolamqp.supervisor.states import EngineState
from tests.support.rig import Rig
from tests.support.scripted_broker import ScriptedBroker

MINE = Queue('mine', exclusive=True)
BINDING = QueueBind('mine', 'ex', 'key')


class Locking:
    """Refuses exclusive queues until the lost connection has ended.

    :ivar accepted: the accepted declarations and bindings
    """

    def __init__(self) -> None:
        self.locked = True
        self.accepted: list[str] = []

    def __call__(self, method: Method) -> int:
        if isinstance(method, QueueDeclare) and method.exclusive and self.locked:
            return 405
        if isinstance(method, (QueueDeclare, QueueBindMethod)):
            self.accepted.append(f'{method.NAME} {method.queue!r}')
        return 0


def locked_after_reconnect() -> tuple[Rig, ScriptedBroker, Locking]:
    """Return a rig whose exclusive queue is still locked by its lost connection."""
    rig = Rig()
    rig.up()
    for subject in (Exchange('ex'), MINE, BINDING, Queue('other')):
        rig.engine.topology.remember(subject)
    rig.reports.clear()
    rig.lose()
    rig.advance(1)
    broker = rig.connect()
    broker.refuses = locking = Locking()
    broker.shake_hands()
    broker.serve()
    return rig, broker, locking


def serve_retries(rig: Rig, broker: ScriptedBroker, seconds: float) -> None:
    """Serve all tries within a time."""
    end = rig.clock.now + seconds
    while rig.engine.wake_at() <= end:
        rig.advance(rig.engine.wake_at() - rig.clock.now)
        broker.serve()


def test_a_locked_queue_is_declared_again_with_its_bindings_and_holds_up_publishing() -> None:
    rig, broker, locking = locked_after_reconnect()
    promise = rig.publish(b'for mine')
    consumer = rig.consume(Queue('jobs'))
    serve_retries(rig, broker, 2)
    assert locking.accepted == ["queue.declare b'other'", "queue.declare b'jobs'"]
    assert consumer.state == 2
    assert rig.state() is EngineState.RESTORING
    assert rig.reported(TopologyRestored) == []
    assert 'locked' in rig.logged()

    locking.locked = False
    serve_retries(rig, broker, RETRY_SECONDS_MAX)
    assert locking.accepted[2:] == ["queue.declare b'mine'", "queue.bind b'mine'"]
    assert len(rig.reported(TopologyRestored)) == 1
    assert rig.reported(TopologyFailed) == []
    broker.send(broker.published[0].channel, BasicAck(1, False))
    assert promise.result() is None


def test_a_queue_that_stays_locked_is_reported_and_tried_again() -> None:
    rig, broker, locking = locked_after_reconnect()
    serve_retries(rig, broker, RESTORE_TIMEOUT + RETRY_SECONDS_MAX)
    assert [event.object for event in rig.reported(TopologyFailed)] == [MINE, BINDING]
    assert rig.state() is EngineState.UP
    assert rig.reported(TopologyRestored) == []
    locking.locked = False
    serve_retries(rig, broker, RETRY_SECONDS_MAX)
    assert locking.accepted[1:] == ["queue.declare b'mine'", "queue.bind b'mine'"]
    assert len(rig.reported(TopologyRestored)) == 1


def test_a_locked_queue_that_the_program_deletes_is_not_declared_again() -> None:
    rig, broker, locking = locked_after_reconnect()
    rig.engine.topology.forget_queue(b'mine')
    locking.locked = False
    serve_retries(rig, broker, RETRY_SECONDS_MAX)
    assert locking.accepted == ["queue.declare b'other'"]
    assert rig.state() is EngineState.UP


def test_a_connection_lost_while_a_queue_is_locked_leaves_no_tries_behind() -> None:
    rig, _, _ = locked_after_reconnect()
    broker = rig.reconnect()
    serve_retries(rig, broker, RETRY_SECONDS_MAX)
    assert [each.queue for each in broker.said(QueueDeclare)] == [b'mine', b'other']
    assert rig.state() is EngineState.UP


def test_a_declaration_that_closes_the_connection_is_not_repeated() -> None:
    rig = Rig()
    rig.engine.topology.remember(Exchange('strange', b'x-plugin'))
    rig.engine.start(rig.clock.now)
    broker = rig.connect()
    broker.unanswered.add('exchange.declare')
    broker.shake_hands()
    broker.serve()
    broker.send(0, ConnectionClose(503, 'invalid exchange type', *ExchangeDeclare.INDEX))
    rig.carry_out()
    assert len(rig.reported(TopologyFailed)) == 1
    rig.advance(1)
    assert rig.up().said(ExchangeDeclare) == []
    assert rig.state() is EngineState.UP
