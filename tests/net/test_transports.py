"""The transports of an engine come and go. The driver by threads makes its turns here."""

from __future__ import annotations

import selectors
from collections.abc import Iterator

import pytest

from coolamqp.attaches.events import ConnectionFailed, ConnectionLost
from coolamqp.exceptions import AMQPError, ConnectionDead
from coolamqp.framing.definitions import ConnectionClose, ConnectionCloseOk
from coolamqp.framing.frames import HEARTBEAT_FRAME
from coolamqp.supervisor.link import LAST_BYTES_SECONDS_MAX
from coolamqp.supervisor.states import EngineState
from tests.clustering.rig import NODES, DriverRig, drop_link
from tests.support.scripted_broker import ScriptedBroker


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


def test_a_transport_that_cannot_be_had_is_reported_with_its_cause(rig: DriverRig) -> None:
    error = rig.error = OSError('no way there')
    rig.engine.start(rig.clock.now)
    rig.turn()
    failed = rig.reported(ConnectionFailed)
    assert [(each.node, each.cause) for each in failed] == [(node, error) for node in NODES]
    assert all(transport.is_closed() for transport in rig.transports)


def test_a_transport_that_is_lost_is_reported_and_the_next_node_tried(
    rig: DriverRig, broker: ScriptedBroker
) -> None:
    rig.transport.peer.close()
    rig.turn()
    (lost,) = rig.reported(ConnectionLost)
    assert isinstance(lost.cause, ConnectionDead)
    assert rig.transport.is_closed()
    rig.advance(1.0)
    assert [transport.link.node for transport in rig.transports] == NODES
    rig.up()


def test_the_rest_of_a_link_is_sent_before_its_transport_is_closed(
    rig: DriverRig, broker: ScriptedBroker
) -> None:
    transport = rig.transport
    drop_link(rig, broker)
    assert rig.state() is EngineState.WAITING
    assert not transport.is_closed()

    assert transport.socket is not None
    assert rig.selector.get_key(transport.socket).events & selectors.EVENT_WRITE
    transport.room = 100_000
    rig.turn()
    assert len(transport.taken) == 100_000
    assert not transport.is_closed()

    transport.room = None
    said = broker.serve()
    assert said[-1] == ConnectionCloseOk()
    assert transport.is_closed()


def test_the_rest_of_a_link_is_given_up_in_time(rig: DriverRig, broker: ScriptedBroker) -> None:
    transport = rig.transport
    drop_link(rig, broker)
    rig.clock.now = transport.link.over_at - 0.01
    rig.driver.turn(True)
    assert not transport.is_closed()
    assert rig.selector.timeout is not None
    assert rig.selector.timeout <= LAST_BYTES_SECONDS_MAX
    rig.advance(0.01)
    assert transport.is_closed()


def test_an_error_on_an_old_transport_costs_nothing(rig: DriverRig, broker: ScriptedBroker) -> None:
    old = rig.transport
    drop_link(rig, broker)
    rig.advance(0.5)
    assert rig.state() is EngineState.SHAKING_HANDS
    assert not old.is_closed()

    old.error = ConnectionResetError('gone')
    rig.turn()
    assert old.is_closed()
    assert 'the last frames' in rig.logged()
    rig.up()
    (lost,) = rig.reported(ConnectionLost)
    assert isinstance(lost.cause, AMQPError)
    assert rig.state() is EngineState.UP


def test_ciphertext_is_a_part_of_the_rest_of_a_link(rig: DriverRig, broker: ScriptedBroker) -> None:
    transport = rig.transport
    transport.ciphertext = b'the last record'
    broker.send(0, ConnectionClose(320, 'CONNECTION_FORCED', 0, 0))
    broker.serve()
    assert not transport.link.unsent
    assert not transport.is_closed()
    transport.ciphertext = b''
    rig.turn()
    assert transport.is_closed()


def test_nothing_is_sent_to_a_broker_that_fell_silent(
    rig: DriverRig, broker: ScriptedBroker
) -> None:
    """The messages go to the next node. Old copies after them would break the order."""
    silent = rig.transport
    silent.room = 0
    rig.publish(b'once')
    rig.turn()
    silent.room = None
    rig.advance(1000.0)
    assert rig.reported(ConnectionLost)
    assert b'once' not in silent.taken
    assert silent.is_closed()


def test_what_comes_on_an_old_transport_is_not_read(rig: DriverRig, broker: ScriptedBroker) -> None:
    drop_link(rig, broker)
    broker.feed(HEARTBEAT_FRAME)
    assert rig.state() is EngineState.WAITING
