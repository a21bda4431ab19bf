"""A driver in the hands of a test: a manual clock, a fake transport, and a selector that steps.

One thread plays all parts. What other threads do while the driver sleeps happens inside of the
selector's `select`, just as it does in a Cluster.
"""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from coolamqp.api.base_driver import Reports
from coolamqp.api.postponed import PostponedCalls
from coolamqp.clustering.dispatcher import Dispatcher
from coolamqp.clustering.driver import Driver
from coolamqp.clustering.leader import Leadership
from coolamqp.framing.definitions import ConnectionClose
from coolamqp.framing.hot import Buffer
from coolamqp.net.connector import Watch
from coolamqp.net.transport import Transport
from coolamqp.objects import NodeDefinition
from coolamqp.supervisor.link import Link
from tests.support.rig import Rig
from tests.support.scripted_broker import ScriptedBroker

# Numbers, so that no name is looked up. Nothing listens there, and nothing connects.
NODES = [NodeDefinition(f'127.0.0.{number}', 'guest', 'secret') for number in (1, 2)]
# One turn carries effects out, one reads, one sends the answers.
TURNS = 4


def _nothing() -> None:
    """Wake nobody."""


class FakeTransport(Transport):
    """A transport whose other end is the test.

    :ivar taken: the bytes that the client has sent
    :ivar room: how many more bytes it takes; None for any number
    :ivar encrypted: whether it stands for one with TLS
    :ivar ciphertext: what TLS would still have to send
    :ivar error: what connecting raises, and how sending fails; None for nothing
    """

    def __init__(self, link: Link, watch: Watch, on_resolved: Callable[[], None]) -> None:
        super().__init__(link, watch, on_resolved)
        self.taken = bytearray()
        self.room: int | None = None
        self.encrypted = False
        self.ciphertext = b''
        self.error: Exception | None = None
        self._closed = False
        self.socket, self.peer = socket.socketpair()
        self.socket.setblocking(False)

    def advance(self, now: float) -> None:
        self.watch_for(reading=False, writing=True)
        if self.error is not None:
            raise self.error

    @property
    def bare(self) -> bool:
        return self.connected and not self.encrypted

    @property
    def flushed(self) -> bool:
        return not self.ciphertext

    def send(self, pieces: list[Buffer]) -> int:
        self.failure = self.error
        if self.error is not None:
            return 0
        data = b''.join(pieces)[: self.room]
        if self.room is not None:
            self.room -= len(data)
        self.taken += data
        return len(data)

    def close(self) -> None:
        super().close()
        self.peer.close()
        self._closed = True

    def is_closed(self) -> bool:
        """Whether the driver has closed it."""
        return self._closed


class SteppingSelector(selectors.SelectSelector):
    """Never sleeps; lets a test act where it would.

    :ivar meanwhile: called in the next sleep
    :ivar timeout: how long the last sleep might have lasted
    :ivar woken: whether another thread has ended it
    """

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], None] | None = None
        self.timeout: float | None = None
        self.woken = False
        self._waker: Any = None  # the first that is registered

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        if self._waker is None:
            self._waker = fileobj
        return super().register(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.timeout = timeout
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        events = super().select(0)
        self.woken = any(key.fileobj is self._waker for key, _ in events)
        return events


@dataclass
class TransportWire:
    """What a scripted broker needs of a transport."""

    rig: DriverRig
    transport: FakeTransport

    def data_to_send(self) -> list[Buffer]:
        self.rig.turn()
        return [bytes(self.transport.taken)] if self.transport.taken else []

    def sent(self, count: int, now: float) -> None:
        del self.transport.taken[:count]

    def receive(self, data: bytes, now: float) -> None:
        self.transport.peer.sendall(data)
        self.rig.turn()


class DriverRig(Rig):
    """Drives an engine by a driver for threads.

    :param selector: sleeps for the driver; None for one that steps
    :ivar transports: all that the driver has made, the latest last
    :ivar interruption: called in the middle of each turn, like a finalizer
    """

    def __init__(self, selector: selectors.BaseSelector | None = None, **options: Any) -> None:
        super().__init__(NODES, **options)
        self.lock = threading.RLock()
        self.postponed = PostponedCalls(self.engine.effects)
        self.leadership = Leadership(self.lock, self.time)
        self.selector = SteppingSelector()
        self.transports: list[FakeTransport] = []
        self.error: Exception | None = None  # of the transports to come
        self.progress: list[bool] = []
        self.interruption: Callable[[], object] = _nothing
        self.dispatcher = Dispatcher(
            'test', self.engine.mailboxes, None, _nothing, _nothing, threading.RLock()
        )
        self.driver = Driver(
            self.engine,
            self.lock,
            self.postponed,
            self.leadership,
            self.dispatcher,
            self.reports.extend,
            self.on_reported,
            self._on_progress,
            self.time,
            self._make_transport,
            self.selector if selector is None else selector,
        )

    def on_reported(self, reports: Reports) -> None:
        """Do nothing more about reports."""

    def _on_progress(self, streaming: bool) -> None:
        self.progress.append(streaming)
        self.interruption()

    def time(self) -> float:
        """Return the time of the test."""
        return self.clock.now

    def _make_transport(
        self, link: Link, watch: Watch, on_resolved: Callable[[], None]
    ) -> Transport:
        transport = FakeTransport(link, watch, on_resolved)
        transport.error = self.error
        self.transports.append(transport)
        return transport

    @property
    def transport(self) -> FakeTransport:
        """The latest transport."""
        return self.transports[-1]

    def turn(self) -> None:
        """Drive until everything is at rest."""
        for _ in range(TURNS):
            self.driver.turn(False)

    def connect(self) -> ScriptedBroker:
        """Let the driver make the transport that the engine wishes for."""
        self.turn()
        return ScriptedBroker(TransportWire(self, self.transport), self.clock)

    def advance(self, seconds: float) -> None:
        """Let time pass, and drive."""
        self.clock.now += seconds
        self.turn()

    def while_asleep(self, act: Callable[[], object]) -> bytes:
        """Let the driver sleep, and act as another thread; return the bytes that `act` has sent."""
        sent: list[bytes] = []

        def meanwhile() -> None:
            before = len(self.transport.taken)
            with self.lock:
                act()
            sent.append(bytes(self.transport.taken[before:]))

        self.turn()
        self.selector.meanwhile = meanwhile
        self.driver.turn(True)
        assert sent, 'the driver did not sleep'
        return sent[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.driver.close()
        for transport in self.transports:
            transport.close()


def drop_link(rig: DriverRig, broker: ScriptedBroker) -> None:
    """Have the broker close the connection while the socket takes nothing."""
    rig.transport.room = 0
    rig.publish(bytes(1_000_000))
    rig.turn()
    broker.send(0, ConnectionClose(320, 'CONNECTION_FORCED', 0, 0))
