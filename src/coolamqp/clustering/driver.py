"""The I/O thread of a Cluster: one socket, one selector, one clock, driving the engine.

Sleeps until the socket, the clock or another thread has something for it. Runs nothing of the
program's: what the engine has to tell is handed on, outside of the lock. While callbacks are
quick, it lends the helm to the thread that runs them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from coolamqp.api.guard import log_exception
from coolamqp.api.throttle import Throttle
from coolamqp.attaches.effects import Effects
from coolamqp.clustering.dispatcher import Dispatcher
from coolamqp.clustering.leader import Leadership
from coolamqp.clustering.thread_names import name_this_thread
from coolamqp.exceptions import ConnectionDead
from coolamqp.net.transport import Transport
from coolamqp.supervisor.engine import Engine
from coolamqp.supervisor.states import EngineState
from coolamqp.uplink.connection import Connection

logger = logging.getLogger(__name__)

# As long as it may sleep without a reason to wake, in seconds.
LONGEST_SLEEP: Final = 60.0
# What is published so soon after something was sent, in seconds, is left to the I/O thread to send.
BURST: Final = 0.0001
# When so many messages or confirms have come within a time, it waits as long for more, in seconds.
STREAM: Final = 8
GATHERING: Final = 0.0002
# So many bytes at once are worth waking for.
MUCH: Final = 16 * 1024


def _make_selector() -> selectors.BaseSelector:
    if os.environ.get('COOLAMQP_FORCE_SELECT_LISTENER'):
        return selectors.SelectSelector()
    return selectors.DefaultSelector()


class Driver:
    """Drives the engine, from a thread of its own or from one that was lent the helm.

    :param lock: held whenever the engine is touched
    :param carry_out: called without the lock with what the engine has to tell
    :param on_progress: called with the lock when the engine may have room again, and whether it
        will be called again at once
    """

    def __init__(
        self,
        name: str,
        engine: Engine,
        lock: threading.Lock,
        dispatcher: Dispatcher,
        carry_out: Callable[[Effects], None],
        on_progress: Callable[[bool], None],
    ) -> None:
        self.thread = threading.Thread(
            target=self._run, name=f'{name} AMQP listener thread', daemon=True
        )
        self._engine = engine
        self._lock = lock
        self._dispatcher = dispatcher
        self._carry_out = carry_out
        self._on_progress = on_progress
        self._selector = _make_selector()
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._wake_receiver.setblocking(False)
        self._wake_sender.setblocking(False)
        self._selector.register(self._wake_receiver, selectors.EVENT_READ)
        self._transport: Transport | None = None
        self._watched = 0  # for what the transport's socket is registered
        self._asleep = False
        self._sent_at = 0.0
        self._streaming = False  # whether many messages come
        self._counted_since = 0.0
        self._counted = 0  # messages and confirms since then
        self._throttle = Throttle(engine, dispatcher.backlog)
        self._leadership = Leadership(lock)
        self._failure: BaseException | None = None  # of whom the helm was lent

    def start(self) -> None:
        """Start the thread."""
        self.thread.start()

    def notify(self) -> None:
        """Have the thread look at the engine again. The lock must be held."""
        if self._asleep:
            self._asleep = False
            self._ring()

    def send_or_notify(self) -> None:
        """Send what there is from the caller's thread, if nobody drives; the lock must be held.

        It saves a publisher that waits for each confirm the way through another thread. In a burst
        it is the driving thread that sends, since then it sends much at once.
        """
        if not self._asleep and not self._leadership.away:
            return
        now = time.monotonic()
        transport, connection = self._transport, self._engine.connection
        if (
            now < self._sent_at + BURST
            or transport is None
            or not transport.bare
            or not self._throttle.reading  # Now that an answer is owed, it is to be read again.
            or connection is None
            or connection.watched  # Frame tracers are called on the thread that drives.
        ):
            self.notify()
        else:
            self._send_from_caller(transport, connection, now)

    def _send_from_caller(self, transport: Transport, connection: Connection, now: float) -> None:
        self._sent_at = now
        # Whoever drives will come upon an error too, and knows what to do.
        with contextlib.suppress(OSError, ConnectionDead):
            self._send_piece(transport, connection, now)
        if connection.out.size:
            self.notify()

    def may_wait(self) -> bool:
        """Whether this thread may wait for the broker; if it has the helm, it gives it back.

        False on the thread that drives, in the midst of it, as inline callbacks are.
        """
        thread, helm = threading.current_thread(), self._leadership
        if thread is self.thread:
            return False
        if thread is helm.holder:
            with self._lock:
                if helm.holder is thread and not helm.away:
                    return False
                helm.give_back()
        return True

    def wake(self) -> None:
        """Have whoever drives look around again; from anywhere, even where a lock is held."""
        if threading.current_thread() not in (self.thread, self._leadership.holder):
            self._ring()

    def _ring(self) -> None:
        # It may have ended, or have more than enough to wake for.
        with contextlib.suppress(OSError):
            self._wake_sender.send(b'\0')

    def abandon(self) -> None:
        """Let go of the descriptors without a word to the broker, in a child process."""
        if self._transport is not None:
            self._transport.abandon()
        self._selector.close()
        self._wake_receiver.close()
        self._wake_sender.close()

    # The thread

    def _run(self) -> None:
        name_this_thread(self.thread.name)
        try:
            while self._turn(True):
                self._lend_leadership()
        except BaseException:
            # First of all, so that nobody waits for ever, whatever the log does.
            with self._lock:
                self._engine.abort()
                self._on_progress(False)
                effects = self._engine.take_effects()
            self._carry_out(effects)
            log_exception(logger, 'the I/O thread has failed, which is a defect of CoolAMQP')
            raise
        finally:
            self._drop_transport()
            self._selector.close()
            self._wake_receiver.close()
            self._wake_sender.close()

    def _lend_leadership(self) -> None:
        """Have a dispatcher thread drive for as long as its callbacks are quick."""
        now = time.monotonic()
        if not self._leadership.may_lend(now):
            return
        thread = self._dispatcher.thread_to_drive(now)
        if thread is None:
            return
        with self._lock:
            self._leadership.lend(thread)
        self._dispatcher.begin_to_drive(self._drive)
        self._leadership.stand_by()
        self._dispatcher.cease_to_drive()
        if self._failure is not None:
            raise self._failure

    def _drive(self, busy: bool) -> bool:
        """Do a turn on the thread that was lent the helm; whether it still has it.

        :param busy: whether callbacks are waiting, so that this is no time to sleep
        """
        with self._lock:
            if not self._leadership.resume():
                return False
        try:
            goes_on = self._turn(not busy)
        except BaseException as error:  # noqa: BLE001 - the I/O thread raises it
            self._failure = error
            goes_on = False
        with self._lock:
            if goes_on:
                self._leadership.leave()
            else:
                self._leadership.give_back()
        return goes_on

    def _turn(self, may_sleep: bool) -> bool:
        """Do all that can be done now, then look out for more; False at the end of the engine."""
        now = time.monotonic()
        with self._lock:
            self._engine.tick(now)
            self._follow_engine(now)
            self._send(now)
            if self._throttle.review(now):
                self._send(now)
            self._on_progress(self._streaming and may_sleep)
            effects = self._take_effects()
            stopped = self._engine.state is EngineState.STOPPED
            self._asleep = effects is None and not stopped
            timeout = min(self._wake_at() - now, LONGEST_SLEEP) if may_sleep else 0.0
        self._dispatcher.relieve(now)
        if effects is not None:
            self._carry_out(effects)  # There may be more to do now, so this is no time to sleep.
        elif not stopped:
            self._sleep(0.0 if may_sleep and self._let_gather() else timeout)
        return not stopped

    def _wake_at(self) -> float:
        wake_at = min(self._engine.wake_at(), self._dispatcher.wake_at())
        return wake_at if self._transport is None else min(wake_at, self._transport.wake_at)

    def _take_effects(self) -> Effects | None:
        engine = self._engine
        return engine.take_effects() if engine.effects else None

    def _let_gather(self) -> bool:
        """In a stream of messages or confirms, have the next ones come together; whether it is one.

        A broker sends a dozen at a time, and waking for each dozen costs more than the messages do.
        What is to be sent was sent before, so that a prefetch count is refilled meanwhile.
        """
        if self._streaming:
            self._streaming = False
            self._counted = 0
            time.sleep(GATHERING)
            return True
        return False

    def _sleep(self, timeout: float) -> None:
        events = self._selector.select(max(timeout, 0))
        self._asleep = False
        now = time.monotonic()
        for key, mask in events:
            if key.fileobj is self._wake_receiver:
                self._wake_receiver.recv(4096)
            else:
                self._on_socket(mask, now)

    def _on_socket(self, mask: int, now: float) -> None:
        transport = self._transport
        if transport is None:
            return
        try:
            if not transport.connected:
                self._finish_connecting(transport, now)
            elif mask & selectors.EVENT_READ:
                data = transport.receive()
                if data is not None:
                    self._receive(data, now)
        except (OSError, ConnectionDead) as error:
            self._on_error(transport, error, now)

    def _receive(self, data: bytes, now: float) -> None:
        with self._lock:
            self._engine.receive(data, now)
            effects = self._take_effects()
        if effects is not None:
            self._count(len(effects.posts) + len(effects.confirmed), now)
            self._streaming = self._counted >= STREAM and len(data) < MUCH
            self._carry_out(effects)

    def _count(self, messages: int, now: float) -> None:
        if now > self._counted_since + GATHERING:
            self._counted_since = now
            self._counted = 0
        self._counted += messages

    def _finish_connecting(self, transport: Transport, now: float) -> None:
        self._watch(0)
        transport.finish_connecting(now)
        self._watch(transport.interest)
        if transport.connected:
            with self._lock:
                self._engine.transport_up(transport.link, now)

    def _on_error(self, transport: Transport, error: Exception, now: float) -> None:
        with self._lock:
            self._engine.transport_failed(transport.link, error, now)

    # With the lock held

    def _follow_engine(self, now: float) -> None:
        """Have the transport that the engine wishes for, and no other."""
        link = self._engine.link
        if self._transport is not None and self._transport.link is not link:
            self._drop_transport()
        if link is None:
            return
        if self._transport is None:
            self._transport = Transport(link, self.wake)
            self._throttle.reset()
        try:
            if self._transport.is_due(now):
                self._watch(0)
                self._transport.advance(now)
                self._watch(self._transport.interest)
        except (OSError, ConnectionDead) as error:
            self._engine.transport_failed(link, error, now)

    def _drop_transport(self) -> None:
        """Send what is left, as far as it goes, and close."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        connection = transport.link.connection
        if connection is not None:
            try:
                transport.send(connection.out.peek())
            except (OSError, ConnectionDead) as error:
                farewell = f'the farewell to {transport.link.node} was not sent: {error}'
                self._engine.effects.log(farewell, logging.DEBUG)
        self._unwatch(transport)
        transport.close()

    def _send(self, now: float) -> None:
        transport = self._transport
        if transport is None or not transport.connected:
            return
        connection = transport.link.connection
        if connection is None:
            return
        self._engine.flush()
        try:
            transport.flush()
            while connection.out.size and self._send_piece(transport, connection, now):
                self._engine.flush()
        except (OSError, ConnectionDead) as error:
            self._engine.transport_failed(transport.link, error, now)
            return
        reading = selectors.EVENT_READ if self._throttle.reading else 0
        writing = selectors.EVENT_WRITE if connection.out.size else 0
        self._watch(transport.interest | reading | writing)

    def _send_piece(self, transport: Transport, connection: Connection, now: float) -> bool:
        """Send what can go together; whether the socket has taken all of it."""
        if connection.out.in_pieces and transport.bare and not connection.watched:
            pieces = connection.out.peek_pieces()
            size = sum([len(piece) for piece in pieces])
            count = transport.send_pieces(pieces)
            if count:
                connection.sent_unwatched(count, now)
        else:
            data = connection.out.peek()
            size = len(data)
            count = transport.send(data)
            if count:
                connection.sent(data[:count], now)
        if count:
            self._sent_at = now
        return count == size

    def _watch(self, events: int) -> None:
        transport = self._transport
        if transport is None or transport.socket is None or events == self._watched:
            return
        if not events:
            self._unwatch(transport)
        elif self._watched:
            self._selector.modify(transport.socket, events)
        else:
            self._selector.register(transport.socket, events)
        self._watched = events

    def _unwatch(self, transport: Transport) -> None:
        if self._watched and transport.socket is not None:
            self._selector.unregister(transport.socket)
        self._watched = 0
