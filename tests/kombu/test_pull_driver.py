"""The pull driver, on a real socket: it connects, waits, sends, and keeps a connection alive."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import inf
from time import monotonic

import pytest

from coolamqp.broker import Broker
from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.definitions import ConnectionTune
from coolamqp.framing.frames import AMQPHeartbeatFrame
from coolamqp.kombu.pull_driver import PullDriver
from coolamqp.objects import NodeDefinition
from coolamqp.uplink.connection import ConnectionObserver
from coolamqp.uplink.states import ConnectionState
from tests.support.scripted_broker import Clock, ScriptedBroker
from tests.support.socket_broker import PATIENCE, SocketBroker, SocketWire


class Observer(ConnectionObserver):
    """Keeps the causes of ends."""

    def __init__(self) -> None:
        self.causes: list[Exception | None] = []

    def on_open(self) -> None:
        pass

    def on_closed(self, cause: Exception | None) -> None:
        self.causes.append(cause)

    def on_blocked(self, blocked: bool, reason: str) -> None:
        pass

    def on_ignored(self, what: str) -> None:
        pass


@dataclass
class Pair:
    """A driver that is connected to a scripted broker."""

    driver: PullDriver
    observer: Observer
    broker: ScriptedBroker


def open_connection(driver: PullDriver) -> None:
    connection = driver.connect()
    while connection.state is not ConnectionState.OPEN:
        driver.wait(inf)


@pytest.fixture
def pair(no_leaks: None) -> Iterator[Pair]:
    observer = Observer()
    with SocketBroker() as listener, ThreadPoolExecutor(1) as thread:
        driver = PullDriver(listener.node, {}, observer)
        opened = thread.submit(open_connection, driver)
        with listener.accept() as client:
            broker = ScriptedBroker(SocketWire(client), Clock())
            broker.shake_hands(ConnectionTune(0, 131072, 0))
            opened.result(PATIENCE)
            yield Pair(driver, observer, broker)
    driver.close()


@pytest.mark.parametrize('host', ['127.0.0.1', 'localhost'])
def test_it_connects_by_address_and_by_name(host: str, no_leaks: None) -> None:
    with Broker() as broker:
        driver = PullDriver(
            NodeDefinition(host, 'guest', 'guest', port=broker.port), {}, Observer()
        )
        open_connection(driver)
        assert driver.socket_number >= 0
        driver.close()
    assert driver.socket_number == -1


def test_a_name_that_does_not_exist(no_leaks: None) -> None:
    driver = PullDriver(NodeDefinition('rabbit.invalid', 'guest', 'guest'), {}, Observer())

    with pytest.raises(ConnectionDead, match='cannot be resolved'):
        driver.connect()
    driver.close()


def test_a_wait_ends_at_its_deadline(pair: Pair) -> None:
    deadline = monotonic() + 0.05
    pair.driver.wait(deadline)

    assert monotonic() >= deadline
    assert pair.observer.causes == []


def test_a_wait_ends_when_the_connection_does(pair: Pair) -> None:
    assert isinstance(pair.broker.wire, SocketWire)
    pair.broker.wire.close()

    pair.driver.wait(inf)

    (cause,) = pair.observer.causes
    assert isinstance(cause, ConnectionDead)


def test_an_idle_connection_is_kept_alive(pair: Pair) -> None:
    pair.driver.keep_alive(1000)  # It is not idle for so long.
    pair.driver.keep_alive(0)

    assert pair.broker.hear() == [AMQPHeartbeatFrame()]


def test_another_thread_may_keep_it_alive_during_a_wait(pair: Pair) -> None:
    waiting = threading.Thread(target=pair.driver.wait, args=(inf,))
    waiting.start()
    pair.driver.keep_alive(0)
    heard = pair.broker.hear()
    pair.broker.feed(AMQPHeartbeatFrame().encode())
    waiting.join(PATIENCE)

    assert heard == [AMQPHeartbeatFrame()]
    assert not waiting.is_alive()


def test_keeping_it_alive_waits_for_no_call(pair: Pair) -> None:
    """A signal handler may end the connection amid a call, and waits for the other thread then."""
    thread = threading.Thread(target=pair.driver.keep_alive, args=(0,))
    with pair.driver.lock:
        thread.start()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_no_wait_begins_after_the_end(pair: Pair) -> None:
    pair.driver.connection.lost(ConnectionDead('by the test'))
    pair.driver.wait(inf)


def test_what_the_socket_does_not_take_is_sent_later(pair: Pair) -> None:
    driver, wire = pair.driver, pair.broker.wire
    assert isinstance(wire, SocketWire)
    wire.chunk = 1024 * 1024
    body = b'x' * 32 * 1024 * 1024
    driver.connection.out.append(body)
    assert driver.send()

    received, count = threading.Event(), [0]

    def read() -> None:
        while count[0] < len(body):
            count[0] += sum(len(piece) for piece in wire.data_to_send())
        received.set()

    threading.Thread(target=read).start()
    while driver.wait_to_send(inf):
        pass

    assert received.wait(PATIENCE)


def test_an_abandoned_socket_is_closed(pair: Pair) -> None:
    pair.driver.abandon()

    assert pair.driver.socket_number == -1
    assert pair.broker.hear() == []
    pair.driver.keep_alive(0)
