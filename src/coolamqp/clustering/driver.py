"""The driver of a Cluster by threads: one socket, one selector, one clock around the engine.

The thread that leads calls `turn` again and again. It sleeps until the socket, the clock or another
thread has something for it. It runs no callback while it holds the lock; the engine's effects are
carried out afterwards.
"""

from __future__ import annotations

import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from coolamqp.api.base_driver import BaseDriver, Reports
from coolamqp.api.postponed import PostponedCalls
from coolamqp.attaches.effects import Effects
from coolamqp.clustering.dispatcher import Dispatcher
from coolamqp.clustering.leader import Leadership
from coolamqp.clustering.waker import Waker
from coolamqp.net.transport import Transport
from coolamqp.net.transports import MakeTransport, Transports, send
from coolamqp.net.watches import Watches
from coolamqp.supervisor.engine import Engine
from coolamqp.supervisor.states import EngineState

# The longest sleep, in seconds.
LONGEST_SLEEP: Final = 60.0
# A publisher sends by itself only if nothing was sent for this long, in seconds.
BURST_SECONDS: Final = 0.0001
# After this many messages or confirms within GATHERING_SECONDS, the driver waits as long for more.
STREAM_ITEMS: Final = 8
GATHERING_SECONDS: Final = 0.0002
# A chunk of this size or more, in bytes, is worth waking for.
LARGE_CHUNK: Final = 16 * 1024


def _make_selector() -> selectors.BaseSelector:
    if os.environ.get('COOLAMQP_FORCE_SELECT_LISTENER'):
        return selectors.SelectSelector()
    return selectors.DefaultSelector()


class Driver(BaseDriver):
    """Drives the engine on the thread that leads.

    :param lock: held whenever the engine is touched
    :param postponed: the calls that have interrupted the engine
    :param dispatcher: relieved when its threads are stuck
    :param report: see `BaseDriver`
    :param on_reported: see `BaseDriver`
    :param on_progress: called with the lock when the engine may have room again, and whether it
        will be called again at once
    :param clock: returns the time, in seconds on a monotonic clock
    :param make_transport: makes the transport of a link
    :param selector: sleeps for the driver; None for the best one that the platform has
    """

    def __init__(
        self,
        engine: Engine,
        lock: threading.RLock,
        postponed: PostponedCalls,
        leadership: Leadership,
        dispatcher: Dispatcher,
        report: Callable[[Reports], None],
        on_reported: Callable[[Reports], None],
        on_progress: Callable[[bool], None],
        clock: Callable[[], float] = time.monotonic,
        make_transport: MakeTransport = Transport,
        selector: selectors.BaseSelector | None = None,
    ) -> None:
        super().__init__(engine, dispatcher, report, on_reported)
        self._lock = lock
        self._postponed = postponed
        self._leadership = leadership
        self._dispatcher = dispatcher
        self._on_progress = on_progress
        self._clock = clock
        self._watches = Watches(_make_selector() if selector is None else selector)
        self._waker = Waker(self._watches)
        self._transports = Transports(engine, self._watches.watch, self.wake, make_transport)
        self._asleep = False
        self._streaming = False  # whether many messages are coming
        self._counted_since = 0.0
        self._counted = 0  # messages and confirms since then

    # From other threads

    def notify(self) -> None:
        """Look at the engine again; the lock is held."""
        if self._asleep:
            self._asleep = False
            self._waker.wake()

    def wake(self) -> None:
        """End the sleep; from any thread, even where a lock is held."""
        self._waker.wake()

    def send_or_notify(self) -> None:
        """Send from the caller's thread if no thread drives at this moment; the lock is held.

        A publisher that waits for each confirm needs no other thread then. In a burst the leader
        sends, since it sends many messages at once.
        """
        if not self._asleep and not self._leadership.away:
            return
        now = self._clock()
        self._engine.mark_time(now)
        transport = self._transports.current
        if (
            transport is None
            or now < transport.sent_at + BURST_SECONDS
            or not transport.bare
            or not self._engine.wants_read  # An answer is owed now, so reading may resume.
            or transport.link.traced
        ):
            self.notify()
            return
        if send(transport, now) or self._engine.effects:
            self.notify()

    # The thread that leads

    def turn(self, may_sleep: bool) -> bool:
        """Do everything that can be done now, then look out for more; False at the end."""
        now = self._clock()
        with self._lock:
            self._postponed.carry_out()
            self._engine.tick(now)
            self._transports.follow(now)
            self._transports.send(now)
            self._on_progress(self._streaming and may_sleep)
            effects = self._take_effects()
            stopped = self._engine.state is EngineState.STOPPED and not self._transports.ending
            self._asleep = effects is None and not stopped
            timeout = min(self._wake_at() - now, LONGEST_SLEEP) if may_sleep else 0.0
        self._dispatcher.relieve(now)
        if effects is not None:
            self.carry_out(effects)  # There may be more to do now, so there is no sleep.
        elif not stopped:
            self._sleep(0.0 if may_sleep and self._let_gather() else timeout)
        # A call that has interrupted this turn needs another one to end.
        return not stopped or self._postponed.waiting

    def fail(self) -> None:
        """Abort the engine and end everybody's waiting, after a defect in a turn."""
        with self._lock:
            self._engine.abort()
            self._postponed.carry_out()
            self._on_progress(False)
            effects = self._engine.take_effects()
        self.carry_out(effects)
        if self._postponed.waiting:  # by a finalizer that has interrupted the lines above
            self.fail()

    def close(self) -> None:
        """Close the sockets and the selector."""
        self._transports.close()
        self._watches.close()
        self._waker.close()

    def abandon(self) -> None:
        """Close the descriptors in a child process, without a word to the broker."""
        self._transports.abandon()
        self._watches.close()
        self._waker.close()

    def _wake_at(self) -> float:
        return min(self._engine.wake_at(), self._dispatcher.wake_at(), self._transports.wake_at())

    def _take_effects(self) -> Effects | None:
        engine = self._engine
        return engine.take_effects() if engine.effects else None

    def _let_gather(self) -> bool:
        """In a stream of messages or confirms, let the next ones come together; whether it is one.

        A broker sends a dozen at a time, and waking for each dozen costs more than the messages do.
        Everything to be sent was sent before, so that a prefetch count is refilled meanwhile.
        """
        if self._streaming:
            self._streaming = False
            self._counted = 0
            time.sleep(GATHERING_SECONDS)
            return True
        return False

    def _sleep(self, timeout: float) -> None:
        ready = self._watches.wait(max(timeout, 0))
        self._asleep = False
        now = self._clock()
        for sock, events in ready:
            if sock is self._waker.receiver:
                self._waker.clear()
            else:
                self._on_ready(sock, events, now)

    def _on_ready(self, sock: socket.socket, events: int, now: float) -> None:
        """Read from a socket, or go on with connecting it."""
        transport = self._transports.current
        if transport is None:
            return
        was_connected = transport.connected
        try:
            data = transport.on_ready(sock, events, now)
        except Exception as error:  # noqa: BLE001 - the engine reports it
            with self._lock:
                self._transports.fail(transport, error, now)
            return
        if data is not None:
            self._receive(transport, data, now)
        elif transport.connected and not was_connected:
            with self._lock:
                self._engine.link_up(transport.link, now)

    def _receive(self, transport: Transport, data: bytes, now: float) -> None:
        with self._lock:
            self._engine.receive(transport.link, data, now)
            effects = self._take_effects()
        if effects is not None:
            self._count(len(effects.callbacks) + len(effects.confirmed), now)
            self._streaming = self._counted >= STREAM_ITEMS and len(data) < LARGE_CHUNK
            self.carry_out(effects)

    def _count(self, items: int, now: float) -> None:
        if now > self._counted_since + GATHERING_SECONDS:
            self._counted_since = now
            self._counted = 0
        self._counted += items
