"""The driver of a Cluster on its event loop: one transport, one timer, driving the engine.

Does something when the loop calls: bytes have come, the time has come, or somebody has told the
engine something. Whatever is told within one iteration of the loop is sent together. All calls of
programs are made by `carry_out`, when the engine is at rest.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from math import inf
from weakref import WeakSet

from coolamqp.aio.transport import Transport
from coolamqp.api.guard import log_exception
from coolamqp.api.throttle import Throttle
from coolamqp.attaches.effects import Effects
from coolamqp.supervisor.engine import Engine
from coolamqp.supervisor.states import EngineState

logger = logging.getLogger(__name__)


class Driver:
    """Drives the engine on the running loop.

    :param carry_out: called with what the engine has to tell
    :param on_progress: called when the engine may have room again
    """

    def __init__(
        self,
        engine: Engine,
        throttle: Throttle,
        carry_out: Callable[[Effects], None],
        on_progress: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._engine = engine
        self._throttle = throttle
        self._carry_out = carry_out
        self._on_progress = on_progress
        self._transport: Transport | None = None
        self._old_transports: WeakSet[Transport] = WeakSet()  # which may not be closed yet
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
        for transport in self._old_transports:
            transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the engine has ended, and its last transport."""
        await self._ended.wait()
        for transport in tuple(self._old_transports):
            await transport.wait_closed()

    def _turn(self) -> None:
        """Do all that can be done now, and have the loop call again in time."""
        self._turn_due = False
        if self._ended.is_set():
            return
        try:
            self._drive(self._loop.time())
        except Exception:  # noqa: BLE001 - it is logged
            self._engine.abort()
            log_exception(logger, 'the driver has failed, which is a defect of CoolAMQP')
            self._drive(self._loop.time())

    def _drive(self, now: float) -> None:
        engine = self._engine
        engine.tick(now)
        self._follow_engine()
        self._send(now)
        if self._throttle.review(now) and self._transport is not None:
            self._transport.set_reading(self._throttle.reading)
        self._on_progress()
        if engine.effects:
            self._carry_out(engine.take_effects())
        if engine.state is EngineState.STOPPED:
            self._end()
        else:
            self._wake_in_time()

    def _follow_engine(self) -> None:
        """Have the transport that the engine wishes for, and no other."""
        link = self._engine.link
        if self._transport is not None and self._transport.link is not link:
            self._drop_transport()
        if link is not None and self._transport is None:
            self._transport = Transport(link, self)
            self._throttle.reset()

    def _drop_transport(self) -> None:
        """Send what is left, as far as it goes, and close."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        connection = transport.link.connection
        while connection is not None and connection.out.size and transport.writable:
            data = connection.out.peek()
            transport.write(data)
            connection.out.sent(len(data))
        transport.close()
        self._old_transports.add(transport)

    def _send(self, now: float) -> None:
        transport, connection = self._transport, self._engine.connection
        if transport is None or connection is None:
            return
        self._engine.flush()
        while connection.out.size and transport.writable:
            data = connection.out.peek()
            transport.write(data)
            connection.sent(data, now)
            self._engine.flush()

    def _wake_in_time(self) -> None:
        """Set the timer, unless it is set for earlier: then it is set anew when that has come."""
        wake_at = self._engine.wake_at()
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
        self._drop_transport()
        if self._timer is not None:
            self._timer.cancel()
        self._ended.set()

    # What the transport tells

    def on_connected(self, transport: Transport) -> None:
        """Begin to speak."""
        self._engine.transport_up(transport.link, self._loop.time())
        self._turn()

    def on_received(self, transport: Transport, data: bytes) -> None:
        """Take what the broker says, unless we have turned away from it."""
        if transport is self._transport:
            self._engine.receive(data, self._loop.time())
            self._turn()

    def on_writable(self, transport: Transport) -> None:
        """Go on sending."""
        self._turn()

    def on_failed(self, transport: Transport, error: Exception) -> None:
        """Have the engine try again."""
        self._engine.transport_failed(transport.link, error, self._loop.time())
        self._turn()
