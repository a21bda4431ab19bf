"""The driver by threads: who sends, for how long it sleeps, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from coolamqp.attaches.events import ClusterStopped, ConnectionLost
from coolamqp.attaches.publication import Publication
from coolamqp.clustering import Cluster
from coolamqp.clustering.driver import BURST_SECONDS, LONGEST_SLEEP
from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.definitions import BasicAck, ConnectionCloseOk, ConnectionTune
from coolamqp.objects import Message
from coolamqp.supervisor.states import EngineState
from coolamqp.supervisor.watermarks import HIGH_MESSAGES
from coolamqp.tracing import HoldingFrameTracer
from tests.clustering.rig import DriverRig, drop_link
from tests.support.ending import Ending
from tests.support.scripted_broker import ScriptedBroker
from tests.support.socket_broker import PATIENCE, SocketBroker, methods_sent


@pytest.fixture
def rig(no_leaks: None) -> Iterator[DriverRig]:
    with DriverRig() as rig:
        yield rig


@pytest.fixture
def broker(rig: DriverRig) -> ScriptedBroker:
    """A broker that the driver is connected to, and to which nothing was sent of late."""
    broker = rig.up()
    rig.advance(1.0)
    return broker


def publish(rig: DriverRig, body: bytes = b'hello') -> None:
    """Publish as a Cluster does; the lock is held."""
    rig.publish(body)
    rig.driver.send_or_notify()


# Who sends


@pytest.mark.usefixtures('broker')
def test_a_publisher_sends_by_itself_while_the_driver_sleeps(rig: DriverRig) -> None:
    assert b'hello' in rig.while_asleep(lambda: publish(rig))
    assert not rig.selector.woken


@pytest.mark.usefixtures('broker')
def test_a_publisher_sends_by_itself_while_the_leader_runs_callbacks(rig: DriverRig) -> None:
    rig.leadership.lend(threading.current_thread())
    publish(rig)
    assert b'hello' in rig.transport.taken


def test_a_publisher_leaves_it_to_the_driver_that_is_awake(
    rig: DriverRig, broker: ScriptedBroker
) -> None:
    publish(rig)
    assert rig.transport.taken == b''
    broker.serve()
    assert [each.body for each in broker.published] == [b'hello']


def test_in_a_burst_only_the_first_publisher_sends_and_the_driver_sends_the_rest(
    rig: DriverRig, broker: ScriptedBroker
) -> None:
    def burst() -> None:
        publish(rig, b'first')
        rig.clock.now += 0.9 * BURST_SECONDS
        publish(rig, b'second')

    sent = rig.while_asleep(burst)
    assert b'first' in sent
    assert b'second' not in sent
    assert rig.selector.woken
    broker.serve()
    assert [each.body for each in broker.published] == [b'first', b'second']


def test_a_burst_begins_with_what_the_driver_has_sent(
    rig: DriverRig, broker: ScriptedBroker
) -> None:
    publish(rig)  # for the driver, which is awake
    rig.turn()
    assert b'hello' in rig.transport.taken
    assert rig.while_asleep(lambda: publish(rig)) == b''


@pytest.mark.usefixtures('broker')
def test_a_burst_ends_when_nothing_is_sent_for_a_while(rig: DriverRig) -> None:
    def publish_twice() -> None:
        publish(rig, b'first')
        rig.clock.now += BURST_SECONDS
        publish(rig, b'second')

    assert b'second' in rig.while_asleep(publish_twice)


def pause_reading(rig: DriverRig) -> None:
    rig.engine.mailboxes.watermarks.add(HIGH_MESSAGES, 0)


def encrypt(rig: DriverRig) -> None:
    rig.transport.encrypted = True


@pytest.mark.parametrize('hinder', [pause_reading, encrypt], ids=lambda each: each.__name__)
def test_a_publisher_leaves_it_to_the_driver(
    rig: DriverRig, broker: ScriptedBroker, hinder: Callable[[DriverRig], None]
) -> None:
    hinder(rig)
    assert rig.while_asleep(lambda: publish(rig)) == b''
    assert rig.selector.woken
    broker.serve()
    assert [each.body for each in broker.published] == [b'hello']


def test_frames_are_traced_on_the_thread_that_drives(no_leaks: None) -> None:
    with DriverRig(tracer=HoldingFrameTracer()) as rig:
        rig.up()
        rig.advance(1.0)
        assert rig.while_asleep(lambda: publish(rig)) == b''
        assert rig.selector.woken


def test_without_a_transport_a_publisher_only_wakes_the_driver(rig: DriverRig) -> None:
    rig.selector.meanwhile = lambda: publish(rig)
    rig.driver.turn(True)
    assert rig.selector.woken


def test_a_publisher_wakes_the_driver_for_what_it_could_not_send(
    rig: DriverRig, broker: ScriptedBroker
) -> None:
    rig.transport.room = 10
    assert len(rig.while_asleep(lambda: publish(rig))) == 10
    assert rig.selector.woken
    rig.transport.room = None
    broker.serve()
    assert [each.body for each in broker.published] == [b'hello']


@pytest.mark.usefixtures('broker')
def test_a_publisher_wakes_the_driver_for_effects(rig: DriverRig) -> None:
    publication = Publication(Message(b'', {'headers': {'x': bytes(140_000)}}), b'', b'')
    publication.promise = refused = Ending()

    def act() -> None:
        rig.engine.window.publish(publication)  # which does not fit into a frame
        rig.driver.send_or_notify()

    rig.while_asleep(act)
    assert rig.selector.woken
    rig.turn()
    assert isinstance(refused.error, ValueError)


@pytest.mark.usefixtures('broker')
def test_an_error_of_the_socket_is_told_to_the_engine_and_not_to_the_publisher(
    rig: DriverRig,
) -> None:
    error = rig.transport.error = BrokenPipeError('gone')
    rig.while_asleep(lambda: publish(rig))
    assert rig.selector.woken
    rig.turn()
    (lost,) = rig.reported(ConnectionLost)
    assert lost.cause is error


# Sleep


def test_the_driver_sleeps_until_the_engine_is_to_be_woken(rig: DriverRig) -> None:
    rig.up(ConnectionTune(0, 0, 10))
    rig.turn()
    rig.driver.turn(True)
    assert rig.selector.timeout == pytest.approx(5.0)


def test_the_driver_never_sleeps_for_ever(rig: DriverRig) -> None:
    rig.up(ConnectionTune(0, 0, 0))
    rig.turn()
    rig.driver.turn(True)
    assert rig.selector.timeout == LONGEST_SLEEP


def test_who_must_not_sleep_only_looks(rig: DriverRig) -> None:
    rig.up()
    rig.turn()
    rig.driver.turn(False)
    assert rig.selector.timeout == 0


@pytest.mark.usefixtures('broker')
def test_a_driver_that_is_awake_needs_no_waking(rig: DriverRig) -> None:
    rig.driver.notify()
    rig.driver.turn(True)
    assert not rig.selector.woken


def test_a_driver_is_woken_once_for_many_calls(rig: DriverRig, broker: ScriptedBroker) -> None:
    def act() -> None:
        for _ in range(100):
            rig.driver.notify()

    rig.while_asleep(act)
    assert rig.selector.woken
    rig.driver.turn(True)
    assert not rig.selector.woken


def test_nothing_is_read_while_reading_is_paused(rig: DriverRig, broker: ScriptedBroker) -> None:
    promise = rig.publish(b'x')
    broker.serve()
    pause_reading(rig)
    rig.engine.mailboxes.watermarks.add(10 * HIGH_MESSAGES, 0)  # nor for an answer
    rig.turn()
    broker.send(broker.published[0].channel, BasicAck(1, False))
    assert not promise.done()

    rig.engine.mailboxes.watermarks.release(11 * HIGH_MESSAGES, 0)
    rig.turn()
    assert promise.done()


# The end


def interrupt_once(rig: DriverRig) -> Ending:
    """Interrupt the next turn with a call; return the promise that the call ends."""
    ending = Ending()

    def interrupt() -> None:
        rig.interruption = lambda: None
        rig.postponed.add(_refuse, ending)

    rig.interruption = interrupt
    return ending


def test_the_last_turn_is_the_one_in_which_the_last_transport_closes(
    rig: DriverRig, broker: ScriptedBroker
) -> None:
    rig.engine.stop(rig.clock.now)
    assert rig.driver.turn(False)
    broker.serve()
    assert len(rig.reported(ClusterStopped)) == 1
    assert rig.transport.is_closed()
    assert not rig.driver.turn(False)


def test_an_engine_that_has_stopped_is_driven_until_its_last_frames_are_sent(
    rig: DriverRig, broker: ScriptedBroker
) -> None:
    drop_link(rig, broker)
    rig.engine.stop(rig.clock.now)
    rig.turn()
    assert rig.driver.turn(False)
    rig.transport.room = None
    assert broker.serve()[-1] == ConnectionCloseOk()
    assert not rig.driver.turn(False)


def test_a_call_that_interrupts_the_last_turn_gets_an_answer(rig: DriverRig) -> None:
    rig.engine.stop(rig.clock.now)
    ending = interrupt_once(rig)
    while rig.driver.turn(False):
        pass
    assert isinstance(ending.error, ConnectionDead)


@pytest.mark.usefixtures('broker')
def test_a_call_that_interrupts_the_end_after_a_defect_gets_an_answer(rig: DriverRig) -> None:
    ending = interrupt_once(rig)
    rig.driver.fail()
    assert isinstance(ending.error, ConnectionDead)


@pytest.mark.usefixtures('broker')
def test_a_driver_that_has_failed_ends_all_waiting(rig: DriverRig) -> None:
    promise = rig.publish(b'x')
    rig.driver.fail()
    assert isinstance(promise.error, ConnectionDead)
    assert rig.state() is EngineState.STOPPED
    assert rig.progress[-1] is False


@pytest.mark.usefixtures('broker')
def test_abandoning_closes_the_descriptors_and_says_nothing(rig: DriverRig) -> None:
    rig.driver.abandon()
    assert rig.transport.taken == b''
    assert rig.transport.socket is None


# With a real socket


def test_a_broker_that_closes_gets_the_message_that_was_on_its_way_and_then_the_answer(
    no_leaks: None,
) -> None:
    tracer, body = HoldingFrameTracer(), bytes(16 * 1024 * 1024)
    with SocketBroker() as broker, ThreadPoolExecutor(1) as pool:
        heard = pool.submit(broker.close_amid_a_message)
        cluster = Cluster(broker.node, log_frames=tracer)
        cluster.start()
        cluster.publish(Message(body))
        assert heard.result(PATIENCE) == (len(body), ConnectionCloseOk())
        cluster.shutdown()
    assert ConnectionCloseOk() in methods_sent(tracer)


def test_a_defect_fails_the_calls_that_have_interrupted_the_engine() -> None:
    with DriverRig() as rig:
        ending = Ending()
        rig.postponed.add(_refuse, ending)
        rig.driver.fail()
        assert isinstance(ending.error, ConnectionDead)


def _refuse() -> None:
    raise ConnectionDead('shut down')
