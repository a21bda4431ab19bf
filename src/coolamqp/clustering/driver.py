"""The driver of a Cluster by threads: one socket, one selector, one clock around the engine.

The thread that leads calls `turn` again and again. It sleeps until the socket, the clock or another
thread has something for it. It runs no callback while it holds the lock; the engine's effects are
carried out afterwards.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
import time
from collections.abc import Callable
from logging import DEBUG
from typing import Final

from coolamqp.api.base_driver import BaseDriver, Reports
from coolamqp.attaches.effects import Effects
from coolamqp.clustering.dispatcher import Dispatcher
from coolamqp.clustering.leader import Leadership
from coolamqp.clustering.waker import Waker
from coolamqp.exceptions import ConnectionDead
from coolamqp.net.transport import Transport
from coolamqp.supervisor.engine import Engine
from coolamqp.supervisor.link import Link
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
        lock: threading.Lock,
        leadership: Leadership,
        dispatcher: Dispatcher,
        report: Callable[[Reports], None],
        on_reported: Callable[[Reports], None],
        on_progress: Callable[[bool], None],
        clock: Callable[[], float] = time.monotonic,
        make_transport: Callable[[Link, Callable[[], None]], Transport] = Transport,
        selector: selectors.BaseSelector | None = None,
    ) -> None:
        super().__init__(engine, dispatcher, report, on_reported)
        self._lock = lock
        self._leadership = leadership
        self._dispatcher = dispatcher
        self._on_progress = on_progress
        self._clock = clock
        self._make_transport = make_transport
        self._selector = _make_selector() if selector is None else selector
        self._waker = Waker(self._selector)
        self._transport: Transport | None = None
        self._old_transports: list[Transport] = []  # whose links are not over yet
        self._asleep = False
        self._sent_at = 0.0
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
        transport = self._transport
        if (
            now < self._sent_at + BURST_SECONDS
            or transport is None
            or not transport.bare
            or not self._engine.wants_read  # An answer is owed now, so reading may resume.
            or transport.link.traced
        ):
            self.notify()
            return
        self._sent_at = now
        # The leader meets the same error, and tells the engine.
        with contextlib.suppress(OSError, ConnectionDead):
            self._send_link(transport, now)
        if transport.link.unsent or self._engine.effects:
            self.notify()

    # The thread that leads

    def turn(self, may_sleep: bool) -> bool:
        """Do everything that can be done now, then look out for more; False at the end."""
        now = self._clock()
        with self._lock:
            self._engine.tick(now)
            self._follow_engine(now)
            self._send(now)
            self._on_progress(self._streaming and may_sleep)
            effects = self._take_effects()
            stopped = self._engine.state is EngineState.STOPPED and not self._old_transports
            self._asleep = effects is None and not stopped
            timeout = min(self._wake_at() - now, LONGEST_SLEEP) if may_sleep else 0.0
        self._dispatcher.relieve(now)
        if effects is not None:
            self.carry_out(effects)  # There may be more to do now, so there is no sleep.
        elif not stopped:
            self._sleep(0.0 if may_sleep and self._let_gather() else timeout)
        return not stopped

    def fail(self) -> None:
        """Abort the engine and end everybody's waiting, after a defect in a turn."""
        with self._lock:
            self._engine.abort()
            self._on_progress(False)
            effects = self._engine.take_effects()
        self.carry_out(effects)

    def close(self) -> None:
        """Close the sockets and the selector."""
        transports = [*self._old_transports, self._transport]
        self._old_transports.clear()
        self._transport = None
        for transport in transports:
            if transport is not None:
                self._close(transport)
        self._selector.close()
        self._waker.close()

    def abandon(self) -> None:
        """Close the descriptors in a child process, without a word to the broker."""
        for transport in (*self._old_transports, self._transport):
            if transport is not None:
                transport.abandon()
        self._selector.close()
        self._waker.close()

    def _wake_at(self) -> float:
        wake_at = min(self._engine.wake_at(), self._dispatcher.wake_at())
        for transport in self._old_transports:
            wake_at = min(wake_at, transport.link.over_at)
        return wake_at if self._transport is None else min(wake_at, self._transport.wake_at)

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
        events = self._selector.select(max(timeout, 0))
        self._asleep = False
        now = self._clock()
        for key, mask in events:
            if key.fileobj is self._waker.receiver:
                self._waker.clear()
            elif self._transport is not None and key.fileobj is self._transport.socket:
                self._on_socket(self._transport, mask, now)

    def _on_socket(self, transport: Transport, mask: int, now: float) -> None:
        try:
            if not transport.connected:
                self._finish_connecting(transport, now)
            elif mask & selectors.EVENT_READ:
                data = transport.receive()
                if data is not None:
                    self._receive(transport, data, now)
        except (OSError, ConnectionDead) as error:
            with self._lock:
                self._on_error(transport, error, now)

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

    def _finish_connecting(self, transport: Transport, now: float) -> None:
        self._watch(transport, 0)
        transport.finish_connecting(now)
        self._watch(transport, transport.interest)
        if transport.connected:
            with self._lock:
                self._engine.link_up(transport.link, now)

    # With the lock held

    def _on_error(self, transport: Transport, error: Exception, now: float) -> None:
        """Close a transport that is lost, or that cannot be had."""
        self._close(transport)
        if transport is self._transport:
            self._transport = None
            self._engine.link_failed(transport.link, error, now)
        else:
            self._old_transports.remove(transport)
            node = transport.link.node
            self._engine.effects.log(f'the last frames to {node} were not sent: {error}', DEBUG)

    def _follow_engine(self, now: float) -> None:
        """Make the transport that the engine wishes for, and end all others."""
        link = self._engine.link
        transport = self._transport
        if transport is not None and transport.link is not link:
            self._transport = None
            self._old_transports.append(transport)
        for old in list(self._old_transports):
            self._end_transport(old, now)
        if link is None:
            return
        if self._transport is None:
            self._transport = self._make_transport(link, self.wake)
        transport = self._transport
        try:
            if transport.is_due(now):
                self._watch(transport, 0)
                transport.advance(now)
                self._watch(transport, transport.interest)
        except (OSError, ConnectionDead) as error:
            self._on_error(transport, error, now)

    def _end_transport(self, transport: Transport, now: float) -> None:
        """Send the rest of a link, and close the transport once the link is over."""
        try:
            if transport.connected:
                self._send_link(transport, now)
        except (OSError, ConnectionDead) as error:
            self._on_error(transport, error, now)
            return
        link = transport.link
        unsent = not link.is_over(now) or (not transport.flushed and now < link.over_at)
        if transport.connected and unsent:
            self._watch(transport, transport.interest | selectors.EVENT_WRITE)
        else:
            self._close(transport)
            self._old_transports.remove(transport)

    def _send(self, now: float) -> None:
        transport = self._transport
        if transport is None or not transport.connected:
            return
        try:
            self._send_link(transport, now)
        except (OSError, ConnectionDead) as error:
            self._on_error(transport, error, now)
            return
        reading = selectors.EVENT_READ if self._engine.wants_read else 0
        writing = selectors.EVENT_WRITE if transport.link.unsent else 0
        self._watch(transport, transport.interest | reading | writing)

    def _send_link(self, transport: Transport, now: float) -> None:
        """Send what a link has, as far as the socket takes it."""
        link = transport.link
        transport.flush()
        while pieces := link.data_to_send():
            count = transport.send(pieces)
            if count:
                link.sent(count, now)
                self._sent_at = now
            if count < sum([len(piece) for piece in pieces]):
                return

    def _watch(self, transport: Transport, events: int) -> None:
        if transport.socket is None or events == transport.watched:
            return
        if not events:
            self._selector.unregister(transport.socket)
        elif transport.watched:
            self._selector.modify(transport.socket, events)
        else:
            self._selector.register(transport.socket, events)
        transport.watched = events

    def _close(self, transport: Transport) -> None:
        self._watch(transport, 0)
        transport.close()
