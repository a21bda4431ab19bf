"""The driver on an event loop: what is sent, and how transports come and go."""

from __future__ import annotations

import asyncio
import logging
import selectors
import socket
from collections.abc import Callable
from functools import partial
from math import inf
from typing import cast

import pytest

from coolamqp.aio import Cluster
from coolamqp.aio.driver import Driver
from coolamqp.aio.loop_guard import LoopGuard
from coolamqp.api.base_driver import Reports
from coolamqp.api.postponed import PostponedCalls
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.mailbox import Item, Mailbox
from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.definitions import ConnectionClose, ConnectionCloseOk, ExchangeDelete
from coolamqp.framing.frames import HEARTBEAT_FRAME
from coolamqp.framing.hot import Buffer
from coolamqp.log_events import LogEvent
from coolamqp.net.connector import Watch
from coolamqp.net.transport import Transport
from coolamqp.net.transports import TURN_BYTES_MAX
from coolamqp.objects import Message, ReceivedMessage
from coolamqp.supervisor.link import Link
from coolamqp.supervisor.states import EngineState
from coolamqp.supervisor.watermarks import HIGH_MESSAGES
from coolamqp.tracing import HoldingFrameTracer
from tests.both.support import PATIENCE
from tests.support.coroutines import run_quietly
from tests.support.ending import Ending
from tests.support.rig import Rig
from tests.support.scripted_broker import ScriptedBroker
from tests.support.socket_broker import SocketBroker, methods_sent, say_and_reset

ANY_SOCKET = cast('socket.socket', None)  # A fake transport does not look at it.


class FakeTransport(Transport):
    """A transport whose other end is the test.

    :ivar writes: what was written, write by write
    :ivar open: whether it takes bytes
    :ivar reading: whether it reads
    :ivar writing: whether the driver waits until it takes bytes
    :ivar event: what happens next: bytes come, it connects (None), or it fails
    :ivar defect: what each `send` raises, although it should raise nothing
    :ivar closed: whether the driver has closed it
    :ivar on_close: called when the driver closes it
    """

    wake_at = inf
    flushed = True

    def __init__(self, link: Link, watch: Watch, on_resolved: Callable[[], None]) -> None:
        self.link = link
        self.connected = False
        self.failure = None
        self.writes: list[bytes] = []
        self.open = True
        self.reading = True
        self.writing = False
        self.event: bytes | Exception | None = None
        self.defect: Exception | None = None
        self.closed = False
        self.on_close: Callable[[], object] = lambda: None

    def advance(self, now: float) -> None:
        """Wait for the test."""

    def on_ready(self, sock: socket.socket, events: int, now: float) -> bytes | None:
        event, self.event = self.event, None
        if isinstance(event, Exception):
            raise event
        self.connected = True
        return event

    def send(self, pieces: list[Buffer]) -> int:
        if self.defect is not None:
            raise self.defect
        if not self.open or self.failure is not None:
            return 0
        self.writes.append(b''.join(pieces))
        return len(self.writes[-1])

    def flush(self) -> None:
        """Do nothing: there is no TLS."""

    def watch_for(self, *, reading: bool, writing: bool) -> None:
        self.reading, self.writing = reading, writing

    def close(self) -> None:
        self.closed = True
        self.on_close()


class Runner:
    """Runs no callbacks, since there are none."""

    def post(self, callbacks: list[tuple[Mailbox, Item]]) -> None:
        pytest.fail(f'no consumer has asked for {callbacks}')

    def deliver(self, mailbox: Mailbox, message: Delivery) -> None:
        pytest.fail(f'no consumer has asked for {message}')

    def calling_mailbox(self) -> Mailbox | None:
        pytest.fail('no program has called')

    def release(self, message: ReceivedMessage) -> None:
        pytest.fail(f'no program has taken {message}')


class DriverRig(Rig):
    """An engine that is driven on the running loop; for a broker it is the wire, too."""

    def __init__(self, random: float = 0.5) -> None:
        super().__init__(random=lambda: random)
        loop = asyncio.get_running_loop()
        self.clock.now = loop.time()
        self.transports: list[FakeTransport] = []
        self.transport_made = asyncio.Event()
        self.defect: Exception | None = None
        self.postponed = PostponedCalls(self.engine.effects)
        self.driver = Driver(
            self.engine,
            LoopGuard(),
            self.postponed,
            Runner(),
            self.reports.extend,
            self.on_reported,
            self._make_transport,
        )

    def _make_transport(
        self, link: Link, watch: Watch, on_resolved: Callable[[], None]
    ) -> Transport:
        self.transports.append(FakeTransport(link, watch, on_resolved))
        self.transport_made.set()
        return self.transports[-1]

    def on_reported(self, _reports: Reports) -> None:
        """Raise the defect, if there is one."""
        defect, self.defect = self.defect, None
        if defect is not None:
            raise defect

    @property
    def transport(self) -> FakeTransport:
        """The latest transport."""
        return self.transports[-1]

    async def connect_all(self) -> ScriptedBroker:
        """Connect, and restore everything."""
        self.engine.start(self.clock.now)
        self.driver.notify()
        await self.turn()
        self.happen(None)
        broker = ScriptedBroker(self, self.clock)
        broker.shake_hands()
        broker.serve()
        assert self.state() is EngineState.UP
        await self.turn()
        return broker

    def happen(self, event: bytes | Exception | None) -> None:
        """Let something happen to the socket, see `FakeTransport`."""
        self.transport.event = event
        self.driver.on_ready(ANY_SOCKET, selectors.EVENT_READ)

    async def turn(self) -> None:
        """Let the loop do what it has to do now."""
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def data_to_send(self) -> list[Buffer]:
        return list(self.transport.writes)

    def sent(self, count: int, now: float) -> None:
        self.transport.writes.clear()

    def receive(self, data: bytes, now: float) -> None:
        self.happen(data)


async def connected() -> tuple[DriverRig, ScriptedBroker]:
    rig = DriverRig()
    return rig, await rig.connect_all()


async def test_everything_of_one_iteration_of_the_loop_is_sent_together() -> None:
    rig, broker = await connected()
    for number in range(3):
        rig.publish(b'%d' % number)
        rig.driver.notify()
    assert rig.transport.writes == []
    await rig.turn()
    assert len(rig.transport.writes) == 1
    broker.serve()
    assert [each.body for each in broker.published] == [b'0', b'1', b'2']


async def test_what_a_full_transport_does_not_take_is_sent_later() -> None:
    rig, broker = await connected()
    rig.transport.open = False
    rig.publish(b'late')
    rig.driver.notify()
    await rig.turn()
    assert rig.transport.writes == []
    assert rig.transport.writing
    rig.transport.open = True
    rig.happen(None)
    broker.serve()
    assert [each.body for each in broker.published] == [b'late']


async def test_a_turn_sends_no_more_than_its_share_and_the_next_one_goes_on() -> None:
    rig, _ = await connected()
    for _ in range(4):
        rig.publish(bytes(TURN_BYTES_MAX))
    rig.driver.notify()
    await rig.turn()
    sent = sum(map(len, rig.transport.writes))
    assert TURN_BYTES_MAX <= sent < 4 * TURN_BYTES_MAX
    assert rig.transport.writing
    for _ in range(4):
        rig.happen(None)
    assert sum(map(len, rig.transport.writes)) > 4 * TURN_BYTES_MAX


async def test_reading_pauses_and_resumes_as_the_engine_wants() -> None:
    rig, _ = await connected()
    for change, reads in ((HIGH_MESSAGES, False), (-HIGH_MESSAGES, True)):
        rig.engine.mailboxes.watermarks.add(change, 0)
        rig.driver.notify()
        await rig.turn()
        assert rig.transport.reading is reads


async def test_a_time_that_is_nearly_there_is_waited_for() -> None:
    rig = DriverRig(random=0.002)  # so the pause is shorter than what uvloop makes a timer for
    rig.engine.start(rig.clock.now)
    rig.driver.notify()
    await rig.turn()
    rig.transport_made.clear()
    rig.driver.notify()  # so the driver looks at the timer of the pause before it is due
    rig.happen(OSError('no way there'))
    await asyncio.wait_for(rig.transport_made.wait(), PATIENCE)
    assert rig.state() is EngineState.CONNECTING
    assert len(rig.transports) == 2


async def drop_link(rig: DriverRig, broker: ScriptedBroker) -> FakeTransport:
    """Have the broker close the connection while the transport takes nothing."""
    old = rig.transport
    old.open = False
    rig.publish(b'on its way')
    rig.driver.notify()
    await rig.turn()
    broker.send(0, ConnectionClose(320, 'CONNECTION_FORCED', 0, 0))
    assert rig.state() is EngineState.WAITING
    return old


async def test_an_engine_that_has_stopped_is_driven_until_its_last_frames_are_sent() -> None:
    rig, broker = await connected()
    old = await drop_link(rig, broker)
    rig.engine.stop(rig.clock.now)
    rig.driver.notify()
    await rig.turn()
    closed = asyncio.ensure_future(rig.driver.wait_closed())
    await rig.turn()
    assert not closed.done()
    old.open = True
    rig.driver.on_ready(ANY_SOCKET, selectors.EVENT_WRITE)
    await asyncio.wait_for(closed, PATIENCE)
    assert broker.methods()[-1] == ConnectionCloseOk()


async def test_an_abort_leaves_no_transport_open() -> None:
    rig, broker = await connected()
    old = await drop_link(rig, broker)
    rig.driver.abort()
    assert old.closed
    assert rig.state() is EngineState.STOPPED


def refuse() -> None:
    raise ConnectionDead('shut down')


async def test_a_call_that_interrupts_the_last_turn_gets_an_answer() -> None:
    rig, broker = await connected()
    ending = Ending()
    rig.transport.on_close = partial(rig.postponed.add, refuse, ending)
    rig.engine.stop(rig.clock.now)
    rig.driver.notify()
    await rig.turn()
    broker.serve()
    await asyncio.wait_for(rig.driver.wait_closed(), PATIENCE)
    assert isinstance(ending.error, ConnectionDead)


async def test_a_defect_ends_all_waiting_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    rig, _ = await connected()
    promise = rig.publish(b'x')
    rig.defect = ZeroDivisionError('a defect')
    rig.engine.effects.log(LogEvent.FRAME, 'something to carry out')
    rig.driver.notify()
    await asyncio.wait_for(rig.driver.wait_closed(), PATIENCE)
    assert isinstance(promise.error, ConnectionDead)
    assert 'a defect of CoolAMQP' in caplog.text


async def test_a_defect_that_comes_again_ends_all_waiting_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig, _ = await connected()
    promise = rig.publish(b'x')
    rig.transport.defect = ZeroDivisionError('a defect')
    rig.driver.notify()
    await asyncio.wait_for(rig.driver.wait_closed(), PATIENCE)
    assert isinstance(promise.error, ConnectionDead)
    assert rig.transport.closed
    assert 'a defect of CoolAMQP' in caplog.text


async def test_a_defect_in_receiving_ends_all_waiting_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    rig, broker = await connected()
    promise = rig.publish(b'x')

    def remember() -> None:
        raise ZeroDivisionError('a defect')

    rig.engine.call([ExchangeDelete(b'ex', False, False)], Ending(), remember)
    rig.driver.notify()
    await rig.turn()
    broker.serve()
    await asyncio.wait_for(rig.driver.wait_closed(), PATIENCE)
    assert isinstance(promise.error, ConnectionDead)
    assert 'a defect of CoolAMQP' in caplog.text


# With a real socket


async def test_a_broker_that_closes_gets_the_message_that_was_on_its_way_and_then_the_answer(
    no_leaks: None,
) -> None:
    tracer, body = HoldingFrameTracer(), bytes(16 * 1024 * 1024)
    with SocketBroker() as broker:
        heard = asyncio.ensure_future(asyncio.to_thread(broker.close_amid_a_message))
        cluster = Cluster(broker.node, log_frames=tracer)
        await cluster.start()
        await cluster.publish(Message(body))
        assert await asyncio.wait_for(heard, PATIENCE) == (len(body), ConnectionCloseOk())
        await cluster.shutdown()
    assert ConnectionCloseOk() in methods_sent(tracer)


async def test_a_reset_after_the_last_words_of_a_broker_is_seen(no_leaks: None) -> None:
    with SocketBroker() as broker:
        heard = asyncio.ensure_future(asyncio.to_thread(broker.hear_publish))
        cluster = Cluster(broker.node)
        await cluster.start()
        await cluster.publish(Message(b'x'))
        # The loop sees both at the same time, since it does not run in between.
        say_and_reset(await heard, HEARTBEAT_FRAME)
        with await asyncio.to_thread(broker.accept):
            await cluster.shutdown()


class LoopWithoutSockets(asyncio.SelectorEventLoop):
    """A loop that cannot watch sockets, as the default one on Windows."""

    def add_reader(self, *_: object) -> None:
        raise NotImplementedError


def test_a_loop_that_cannot_watch_sockets_is_the_reason_that_is_told() -> None:
    async def start() -> None:
        with SocketBroker() as broker, pytest.raises(ConnectionDead, match='no add_reader'):
            await Cluster(broker.node).start(timeout=0.1)

    run_quietly(start(), LoopWithoutSockets)
