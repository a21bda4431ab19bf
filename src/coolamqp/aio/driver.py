"""The driver of a Cluster on its event loop: the loop watches its selector and the time.

It acts when the loop calls: a socket is ready, the time has come, or a program has called.
Everything from one iteration of the loop is sent together. The engine's effects are carried out
when it is at rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import selectors
import socket
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from math import inf

from coolamqp.aio.loop_guard import LoopGuard
from coolamqp.api.base_driver import BaseDriver, CallbackRunner, Reports
from coolamqp.api.guarded import log_failed_driver
from coolamqp.api.postponed import PostponedCalls
from coolamqp.net.transport import Transport
from coolamqp.net.transports import MakeTransport, Transports
from coolamqp.net.watches import Watches
from coolamqp.supervisor.engine import Engine
from coolamqp.supervisor.states import EngineState

logger = logging.getLogger(__name__)


class Driver(BaseDriver):
    """Drives the engine on the running loop; see `BaseDriver` for its other parameters.

    :param lock: entered whenever the engine is called
    :param postponed: the calls that have interrupted the engine
    :param make_transport: makes the transport of a link
    """

    def __init__(
        self,
        engine: Engine,
        lock: LoopGuard,
        postponed: PostponedCalls,
        runner: CallbackRunner,
        report: Callable[[Reports], None],
        on_reported: Callable[[Reports], None],
        make_transport: MakeTransport = Transport,
    ) -> None:
        super().__init__(engine, runner, report, on_reported)
        self._lock = lock
        self._postponed = postponed
        self._loop = asyncio.get_running_loop()
        self._selector = selectors.DefaultSelector()
        self._watches = Watches(self._selector)
        self._listening = False  # whether the loop watches the selector
        self._transports = Transports(engine, self._watch, self.wake, make_transport)
        self._timer: asyncio.Handle | None = None
        self._timer_at = inf  # Not every loop makes handles that know their time.
        self._turn_due = False
        self._ended = asyncio.Event()

    def notify(self) -> None:
        """Look at the engine again in the next iteration of the loop."""
        if not self._turn_due:
            self._turn_due = True
            self._loop.call_soon(self._turn)

    def wake(self) -> None:
        """Look at the engine again soon; from any thread, at any moment."""
        with contextlib.suppress(RuntimeError):  # The loop has been closed.
            self._loop.call_soon_threadsafe(self.notify)

    def abort(self) -> None:
        """End at once."""
        self._engine.abort()
        self._turn()
        self._transports.close()
        self._end()

    def abandon(self) -> None:
        """Close the descriptors in a child process, without a word to the broker.

        The copy of the loop stays as it is: it shares its watches with the parent's.
        """
        self._transports.abandon()
        self._watches.close()
        self._listening = False
        if self._timer is not None:
            self._timer.cancel()

    async def wait_closed(self) -> None:
        """Wait until the engine has ended, and the last transport."""
        await self._ended.wait()

    def _turn(self) -> None:
        """Do everything that can be done now."""
        self._turn_due = False
        if self._ended.is_set():
            return
        self._guard(self._drive)

    def _guard(self, act: Callable[[float], None]) -> None:
        """Make a call with the time. If it raises, end the Cluster."""
        try:
            act(self._loop.time())
        except Exception:  # noqa: BLE001 - it is logged
            self._fail()  # First of all, so that nobody waits for ever.
            log_failed_driver(logger)

    def _fail(self) -> None:
        """Abort the engine and end everybody's waiting, after a defect in a call."""
        with ExitStack() as stack:
            stack.callback(self._end)
            stack.callback(self._transports.close)
            with self._lock:
                self._engine.abort()
            while self._postponed.waiting:
                with self._lock:
                    self._postponed.carry_out()
            self.carry_out(self._engine.take_effects())

    def _call(self, act: Callable[[float], None]) -> None:
        self._guard(partial(self._enter, act))

    def _drive(self, now: float) -> None:
        engine = self._engine
        self._enter(self._serve_engine, now)
        while self._postponed.waiting:  # Calls have interrupted it.
            self._enter(self._serve_engine, now)
        if engine.effects:
            self.carry_out(engine.take_effects())
        if engine.state is EngineState.STOPPED and not self._transports.ending:
            self._end()
        else:
            self._wake_in_time()

    def _enter(self, act: Callable[[float], None], now: float) -> None:
        """Make a call of the engine with the time. Calls that interrupt it are postponed."""
        self._lock.entered = True
        try:
            act(now)
        finally:
            self._lock.entered = False

    def _serve_engine(self, now: float) -> None:
        self._postponed.carry_out()
        self._engine.tick(now)
        self._transports.follow(now)
        self._transports.send(now)

    def _wake_in_time(self) -> None:
        """Set the timer, unless it is set for earlier: then it is set again at that time."""
        wake_at = min(self._engine.wake_at(), self._transports.wake_at())
        if wake_at < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(wake_at, self._on_time)
            self._timer_at = wake_at

    def _on_time(self) -> None:
        self._timer, self._timer_at = None, inf
        self._turn()

    def _end(self) -> None:
        if self._ended.is_set():
            return
        if self._timer is not None:
            self._timer.cancel()
        if self._listening:
            self._loop.remove_reader(self._selector.fileno())
        self._watches.close()
        self._ended.set()

    # The sockets

    def _watch(self, sock: socket.socket, events: int) -> None:
        """Watch a socket for events, in place of those before."""
        if events and not self._listening:
            self._listen()
        self._watches.watch(sock, events)

    def _listen(self) -> None:
        """Make the loop watch the selector, which watches the sockets.

        uvloop stops watching a socket that has an error, as after a reset by the broker, and tells
        nobody. The selector has no errors.
        """
        try:
            self._loop.add_reader(self._selector.fileno(), self._on_sockets_ready)
        except (NotImplementedError, AttributeError):  # On Windows it has no descriptor.
            raise RuntimeError(
                'this event loop cannot watch sockets, since it has no add_reader; '
                'use asyncio.SelectorEventLoop or uvloop'
            ) from None
        self._listening = True

    def _on_sockets_ready(self) -> None:
        for sock, events in self._watches.wait(0):
            self.on_ready(sock, events)

    def on_ready(self, sock: socket.socket, event: int) -> None:
        """Read from a socket, or go on with connecting it; called by the loop."""
        transport, now = self._transports.current, self._loop.time()
        if transport is not None:
            was_connected = transport.connected
            try:
                data = transport.on_ready(sock, event, now)
            except Exception as error:  # noqa: BLE001 - the engine reports it
                self._call(partial(self._transports.fail, transport, error))
            else:
                if data is not None:
                    self._call(partial(self._engine.receive, transport.link, data))
                elif transport.connected and not was_connected:
                    self._call(partial(self._engine.link_up, transport.link))
        self._turn()
