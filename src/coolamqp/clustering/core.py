"""The core of a Cluster by threads: the lock, and the threads around the engine.

The leader carries the engine's effects out, without the lock.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, cast

from coolamqp.api import forks
from coolamqp.api.core import Core, is_coroutine_function
from coolamqp.api.guarded import guarded
from coolamqp.api.options import ClusterOptions
from coolamqp.api.publishing import PublishCommands
from coolamqp.api.spans import end_span, processing
from coolamqp.attaches import Consumer
from coolamqp.attaches.events import Event
from coolamqp.attaches.mailbox import Mailbox
from coolamqp.attaches.publication import Publication
from coolamqp.clustering import at_exit
from coolamqp.clustering.admission import Admission
from coolamqp.clustering.condition import Condition
from coolamqp.clustering.dispatcher import Dispatcher
from coolamqp.clustering.driver import Driver
from coolamqp.clustering.future import ClusterFuture, OwnFuture, TracedFuture, holds_future
from coolamqp.clustering.inbox import Inbox
from coolamqp.clustering.io_thread import IOThread
from coolamqp.clustering.leader import Leadership
from coolamqp.clustering.lock import ownership
from coolamqp.exceptions import ConnectionDead
from coolamqp.tracing import CallSpan

# How many messages of `publish_many` are published before other threads have their turn.
BATCH_MESSAGES: Final = 256

# How long the shutdown at the end of a program takes that has not called `shutdown`, in seconds.
EXIT_TIMEOUT: Final = 1.0


class ClusterCore(Core[ClusterFuture, Driver], PublishCommands[ClusterFuture]):
    """The engine of a Cluster and its threads."""

    lock: threading.RLock
    dispatcher: Dispatcher

    def __init__(self, options: ClusterOptions) -> None:
        self._make_locks()
        self.inbox = Inbox(self.waiting_lock)
        super().__init__(
            options,
            self._run,
            self.inbox,
            lambda: datetime.now(UTC),
            random.random,
            time.monotonic,
        )
        wrap = None if self.tracer is None else self._wrap
        self.dispatcher = Dispatcher(
            self.name, self.engine.mailboxes, wrap, self._wake_leader, self.wake, self.waiting_lock
        )
        self.admission = self._make_admission()
        self._io_thread: IOThread | None = None
        self._exit_timeout: float | None = EXIT_TIMEOUT

    def _make_locks(self) -> None:
        self.lock = threading.RLock()
        self.waiting_lock = threading.RLock()
        self._is_inside = ownership(self.lock)
        self._holds_waiting_lock = ownership(self.waiting_lock)
        self.state_changed = Condition(self.waiting_lock)

    def _make_admission(self) -> Admission:
        return Admission(self.engine, self.lock, self.postponed, self.running, self.check_may_wait)

    def _run(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.dispatcher.call(function, *arguments)

    def new_future(self, span: CallSpan | None = None) -> ClusterFuture:
        """Make a future for a program."""
        return ClusterFuture(self) if span is None else TracedFuture(self, span)

    def own_future(self, on_end: Callable[[ClusterFuture], object]) -> ClusterFuture:
        """Make a future of CoolAMQP itself, with a function to call when it ends."""
        return OwnFuture(self, on_end)

    # Beginning and end

    def start(self) -> None:
        """Start the threads and begin to connect.

        :raises RuntimeError: it was started before, or the system has no thread to spare
        """
        self.check_process()
        self._check_outside()
        with self.lock:
            if self.driver is not None:
                raise RuntimeError('this Cluster was started before; make a new one')
            leadership = Leadership(self.lock)
            driver = self.driver = Driver(
                self.engine,
                self.lock,
                self.postponed,
                leadership,
                self.dispatcher,
                self.report,
                self.on_reported,
                self.admission.on_progress,
            )
            self._io_thread = IOThread(self.name, self.lock, leadership, driver, self.dispatcher)
            self.admission.open(driver)
            self.engine.start(time.monotonic())
        forks.watch(self)
        at_exit.watch(self)
        try:
            self._io_thread.start()
        except RuntimeError:
            driver.fail()
            driver.close()
            raise

    def shutdown(self, wait_for_end: bool, timeout: float | None) -> None:
        """End everything within a timeout, in seconds.

        :raises RuntimeError: it was never started
        """
        if self.forked:
            return  # The connection is the parent's; this process has no thread to end.
        deadline = None if timeout is None else time.monotonic() + timeout
        if wait_for_end:
            self._exit_timeout = timeout  # The end of the program waits if this call cannot.
        io_thread = self._io_thread
        waits = wait_for_end and io_thread is not None and self._may_wait(io_thread)
        self.stop(timeout, waits)
        if io_thread is not None and waits:
            io_thread.join(_seconds_until(deadline))
            self.dispatcher.stop(_seconds_until(deadline))

    def begin_exit(self) -> None:
        """Begin the shutdown at the end of the program, unless there was one."""
        if self.forked or self.stopped:
            return
        guarded(self.warn_of_unconfirmed)  # Programs may turn warnings into errors.
        self.stop(self._exit_timeout, wait=False)

    def await_exit(self) -> None:
        """Wait for the shutdown at the end of the program."""
        if self._io_thread is not None and not self.forked and not self._holds_a_lock():
            self._io_thread.join(self._exit_timeout)

    def _may_wait(self, io_thread: IOThread) -> bool:
        return not self._holds_a_lock() and io_thread.may_wait()

    def current(self) -> threading.Thread:
        """Return this thread."""
        return threading.current_thread()

    def abandon(self) -> None:
        """Close everything without a word to the broker: this is the copy in a forked child.

        Locks are made anew, since a thread that does not exist here may have held them.
        """
        self.forked = True
        self._make_locks()
        self.engine.abandon()
        self.admission = self._make_admission()
        driver, self.driver = self.driver, None
        if driver is not None:
            driver.abandon()

    def check_may_wait(self) -> None:
        """Prepare to wait for the broker, or refuse if waiting would never end.

        Call it without the lock.

        :raises RuntimeError: this thread is driving, a signal handler or a finalizer has
            interrupted a call of it, or the process was forked
        """
        self.check_process()
        self._check_outside()
        io_thread = self._io_thread
        if io_thread is not None and not io_thread.may_wait():
            raise RuntimeError(
                'an inline callback runs on the thread that reads, so waiting for the broker in it '
                'would be a deadlock; leave out inline=True, or use add_done_callback'
            )

    def is_inside(self) -> bool:
        """Whether a signal handler or a finalizer of this thread has interrupted the engine."""
        return self._is_inside()

    def _holds_a_lock(self) -> bool:
        """Whether this thread holds a lock that the leader may need."""
        return self._is_inside() or self._holds_waiting_lock() or holds_future()

    def _check_outside(self) -> None:
        if self._holds_a_lock():
            raise RuntimeError(
                'a signal handler or a finalizer has interrupted a call of this Cluster, which '
                'cannot go on before it returns, so it must not wait for the Cluster; set a flag '
                'there and wait elsewhere, or use add_done_callback'
            )

    def wake(self) -> None:
        """Make the leader check the engine soon, even if it is this thread."""
        if self.driver is not None:
            self.driver.wake()

    def call_late(self, function: Callable[[], object]) -> None:
        """Call a function on a dispatcher thread, without the lock."""
        self.dispatcher.call_late(function)

    def _wake_leader(self) -> None:
        if self._io_thread is not None:
            self._io_thread.wake()

    def on_state_change(self) -> None:
        """Wake the threads that wait for the connection to come up, or for the end."""
        with self.state_changed:
            self.state_changed.notify_all()
        if self.stopped:
            self.close_inboxes()
            self.dispatcher.finish()

    # Publishing

    def publish(
        self,
        publication: Publication,
        confirm: bool | None,
        timeout: float | None,
        span: CallSpan | None,
    ) -> ClusterFuture | None:
        """Publish a message; None without confirm."""
        if not confirm:
            self.admission.publish_plain(publication, timeout)
            end_span(span)
            return None
        future: ClusterFuture
        if span is None:
            future = ClusterFuture(self, publication)
        else:
            future = TracedFuture(self, span, publication)
        publication.promise = future
        self.admission.publish(publication, timeout)
        return future

    def publish_all(
        self, publications: list[Publication], confirm: bool, timeout: float | None
    ) -> list[ClusterFuture]:
        """Publish messages in their order; the futures of those without room end with an error."""
        deadline = None if timeout is None else time.monotonic() + timeout
        if not confirm:
            for publication in publications:
                self.admission.publish_plain(publication, _seconds_until(deadline))
            return []
        futures = []
        for publication in publications:
            future = publication.promise = ClusterFuture(self, publication)
            futures.append(future)
        self.running()  # If it takes nothing at all, the caller should know.
        done = 0
        try:
            while done < len(publications):
                batch = publications[done : done + BATCH_MESSAGES]
                done += self.admission.publish_batch(batch, _seconds_until(deadline))
        except (TimeoutError, ConnectionDead) as error:
            for future in futures[done:]:
                if not future.done():
                    future.set_exception(error)
        return futures

    def wait_for_confirms(self, timeout: float | None) -> None:
        """Wait until every message that is unconfirmed now has ended.

        :raises TimeoutError: some are still unconfirmed
        """
        self.check_may_wait()
        deadline = None if timeout is None else time.monotonic() + timeout
        with self.lock:
            self.running()
            futures = cast('list[ClusterFuture]', self.engine.window.unconfirmed)
        for future in futures:
            with suppress(TimeoutError, CancelledError):
                future.exception(_seconds_until(deadline))
        unended = sum(not future.done() for future in futures)
        if unended:
            raise TimeoutError(f'{unended} messages are not confirmed within {timeout} s')

    # Consuming

    def check_callback(self, consumer: Consumer) -> None:
        """Refuse a coroutine function as `on_message`."""
        if is_coroutine_function(consumer.on_message):
            raise TypeError(
                'on_message is a coroutine function, which nobody would await here; '
                'use coolamqp.aio.Cluster, or a plain function'
            )

    def _wrap(self, mailbox: Mailbox, callback: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return a function that runs a callback in a span."""
        tracer = self.tracer
        if tracer is None:
            return callback

        def process(message: Any) -> None:
            with processing(tracer, mailbox, message, self.peer()):
                callback(message)

        return process

    def take(self, inbox: Inbox, timeout: float | None) -> Event:
        """Wait for an event, and count it out."""
        if timeout == 0:
            self.check_process()
            self._check_outside()
        else:
            self.check_may_wait()
        return self.count_out(inbox.take(timeout))

    def end_iteration_later(self, consumer: Consumer, inbox: Inbox) -> None:
        """End an iteration later, for the garbage collector: a lock may be held now."""
        if not self.forked:
            self.dispatcher.call_late(self.end_iteration, consumer, inbox)

    # For futures

    def withdraw(self, publication: Publication) -> bool:
        """Withdraw a message, for `cancel` of its future. Return False if it was sent."""
        self.check_process()
        if self.is_inside():
            return False
        with self.lock:
            return self.admission.withdraw(publication)

    def run_callback(self, callback: Callable[..., Any], future: ClusterFuture) -> None:
        """Run a done-callback on a dispatcher thread."""
        self.dispatcher.call(callback, future)


def _seconds_until(deadline: float | None) -> float | None:
    """Return the seconds that are left; None for no end."""
    return None if deadline is None else max(deadline - time.monotonic(), 0)
