"""The driver of a Cluster on its event loop: one transport and one timer around the engine.

It acts when the loop calls: bytes have come, the time has come, or a program has called. Everything
from one iteration of the loop is sent together. The engine's effects are carried out when it is at
rest.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from math import inf
from weakref import WeakSet

from coolamqp.aio.transport import Transport, TransportOwner
from coolamqp.api.base_driver import BaseDriver, CallbackRunner, Reports
from coolamqp.api.guarded import log_exception
from coolamqp.supervisor.engine import Engine
from coolamqp.supervisor.link import Link
from coolamqp.supervisor.states import EngineState

logger = logging.getLogger(__name__)


class Driver(BaseDriver):
    """Drives the engine on the running loop; see `BaseDriver` for its other parameters.

    :param make_transport: makes the transport of a link
    """

    def __init__(
        self,
        engine: Engine,
        runner: CallbackRunner,
        report: Callable[[Reports], None],
        on_reported: Callable[[Reports], None],
        make_transport: Callable[[Link, TransportOwner], Transport] = Transport,
    ) -> None:
        super().__init__(engine, runner, report, on_reported)
        self._make_transport = make_transport
        self._loop = asyncio.get_running_loop()
        self._transport: Transport | None = None
        self._old_transports: set[Transport] = set()  # whose links are not over yet
        self._closing: WeakSet[Transport] = WeakSet()  # that the loop may not have closed yet
        self._timer: asyncio.TimerHandle | None = None
        self._turn_due = False
        self._ended = asyncio.Event()

    def notify(self) -> None:
        """Look at the engine again in the next iteration of the loop."""
        if not self._turn_due:
            self._turn_due = True
            self._loop.call_soon(self._turn)

    def abort(self) -> None:
        """End at once."""
        self._engine.abort()
        self._turn()
        for transport in (*self._old_transports, *self._closing):
            transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the engine has ended, and the last transport."""
        await self._ended.wait()
        for transport in tuple(self._closing):
            await transport.wait_closed()

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
            self._engine.abort()
            log_exception(logger, 'the driver has failed, which is a defect of CoolAMQP')
            self._drive(self._loop.time())

    def _drive(self, now: float) -> None:
        engine = self._engine
        engine.tick(now)
        self._follow_engine(now)
        if self._transport is not None:
            self._send(self._transport, now)
            self._transport.set_reading(engine.wants_read)
        if engine.effects:
            self.carry_out(engine.take_effects())
        if engine.state is EngineState.STOPPED and not self._old_transports:
            self._end()
        else:
            self._wake_in_time()

    def _follow_engine(self, now: float) -> None:
        """Make the transport that the engine wishes for, and end all others."""
        link = self._engine.link
        transport = self._transport
        if transport is not None and transport.link is not link:
            self._transport = None
            self._old_transports.add(transport)
        for old in tuple(self._old_transports):
            self._end_transport(old, now)
        if link is not None and self._transport is None:
            self._transport = self._make_transport(link, self)

    def _end_transport(self, transport: Transport, now: float) -> None:
        """Send the rest of a link, and close the transport once the link is over."""
        self._send(transport, now)
        if transport.connected and not transport.link.is_over(now):
            return
        self._old_transports.discard(transport)
        self._closing.add(transport)
        transport.close()

    def _send(self, transport: Transport, now: float) -> None:
        """Write what a link has, as far as the transport takes it."""
        link = transport.link
        while transport.writable and (pieces := link.data_to_send()):
            link.sent(transport.write(pieces), now)

    def _wake_in_time(self) -> None:
        """Set the timer, unless it is set for earlier: then it is set again at that time."""
        wake_at = self._engine.wake_at()
        for transport in self._old_transports:
            wake_at = min(wake_at, transport.link.over_at)
        timer = self._timer
        if timer is not None:
            if timer.when() <= wake_at:
                return
            timer.cancel()
        self._timer = None if wake_at == inf else self._loop.call_at(wake_at, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._turn()

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._ended.set()

    # Called by the transport

    def on_connected(self, transport: Transport) -> None:
        """Begin to speak."""
        self._guard(partial(self._engine.link_up, transport.link))
        self._turn()

    def on_received(self, transport: Transport, data: bytes) -> None:
        """Process bytes from the broker."""
        self._guard(partial(self._engine.receive, transport.link, data))
        self._turn()

    def on_writable(self, transport: Transport) -> None:
        """Send more in the next iteration: the loop calls this from within its own write."""
        self.notify()

    def on_failed(self, transport: Transport, error: Exception) -> None:
        """Tell the engine that a transport is lost, or cannot be had."""
        self._old_transports.discard(transport)
        if transport is self._transport:
            self._transport = None
            transport.close()
        self._guard(partial(self._engine.link_failed, transport.link, error))
        self._turn()
