"""What all parts of a Cluster stand on: the lock, and the threads around the engine.

What the engine has to tell is carried out on the thread that drives, outside of the lock.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from coolamqp.api.core import FaceCore, is_coroutine_function
from coolamqp.api.events import MessageReceived
from coolamqp.api.iterations import Iterations
from coolamqp.api.options import ClusterOptions
from coolamqp.api.spans import processing
from coolamqp.attaches import Consumer
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.effects import Effects
from coolamqp.attaches.publication import Publication
from coolamqp.attaches.receiver import Receiver
from coolamqp.clustering.admission import Admission
from coolamqp.clustering.dispatcher import Dispatcher
from coolamqp.clustering.driver import Driver
from coolamqp.clustering.future import ClusterFuture, TracedFuture
from coolamqp.clustering.inbox import Inbox
from coolamqp.supervisor.states import EngineState
from coolamqp.tracing import CallSpan


class ClusterCore(FaceCore[ClusterFuture, Driver]):
    """The engine of a Cluster and its threads; see `coolamqp.clustering.Cluster`."""

    def __init__(self, options: ClusterOptions) -> None:
        self._inbox = Inbox()
        self._iterations = Iterations(self._inbox)
        self._dispatcher = Dispatcher(
            options.name, options.tracer is not None, self._deliver, self._wake
        )
        self._make_locks()
        self._forked = False  # whether this is the copy of a child process
        super().__init__(
            options,
            self._dispatcher.call,
            self._inbox.put,
            lambda: datetime.now(UTC),
            random.random,
            time.monotonic(),
        )
        self._admission = self._make_admission()

    def _make_locks(self) -> None:
        self._lock: threading.Lock = threading.Lock()
        self._turned = threading.Condition()  # the connection has come up, or cannot

    def _make_admission(self) -> Admission:
        return Admission(self._engine, self._bounds, self._lock, self._running, self.check_may_wait)

    def _new_future(self, span: CallSpan | None = None) -> ClusterFuture:
        return ClusterFuture(self) if span is None else TracedFuture(self, span)

    def check_process(self) -> None:
        """Refuse to act in a child process, whose copy of the connection is its parent's.

        :raises RuntimeError: this process was forked after the Cluster was started
        """
        if self._forked:
            raise RuntimeError(
                'this Cluster was started before a fork, and belongs to the parent process; '
                'make and start one of your own in the child'
            )

    def abandon(self) -> None:
        """Let go of everything: this is the copy that a child process has after a fork.

        Locks are made anew, since a thread that is not here may have held them.
        """
        self._forked = True
        self._make_locks()
        self._engine.state = EngineState.STOPPED
        self._admission = self._make_admission()
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.abandon()

    def check_may_wait(self) -> None:
        """Have somebody else drive, or refuse to wait where nobody could end the waiting.

        Must be called without the lock.

        :raises RuntimeError: this thread is just driving, or the process was forked
        """
        self.check_process()
        driver = self._driver
        if driver is not None and not driver.may_wait():
            raise RuntimeError(
                'an inline callback runs on the thread that reads, so waiting for the broker in it '
                'would be a deadlock; leave out inline=True, or use add_done_callback'
            )

    def _wake(self) -> None:
        driver = self._driver
        if driver is not None:
            driver.wake()

    # What the engine tells, on the thread that drives

    def _post(self, effects: Effects) -> None:
        self._dispatcher.post(effects.posts)

    def _note_turn(self) -> None:
        with self._turned:
            self._turned.notify_all()
        if self._engine.state is EngineState.STOPPED:
            for inbox in self._iterations:
                inbox.close()
            self._dispatcher.finish()

    def _deliver(self, consumer: Receiver, message: Delivery) -> bool:
        """Hand over a message that is traced or for `drain`; whether it goes on waiting."""
        tracer = self._call_tracer
        if consumer.on_message is None or tracer is None:
            inbox = self._iterations.inbox_of(consumer)
            if inbox is None:
                return False
            inbox.put(MessageReceived(message))
            return True
        with processing(tracer, consumer, message, self._peer()):
            consumer.on_message(message)
        return False

    # What consumers and futures ask for

    def _check_callback(self, consumer: Consumer) -> None:
        if is_coroutine_function(consumer.on_message):
            raise TypeError(
                'on_message is a coroutine function, which nobody would await here; '
                'use coolamqp.aio.Cluster, or a plain function'
            )

    def deliver(self, consumer: Receiver, message: Delivery) -> None:
        """Give a message to the program, from `Consumer.on_delivery`."""
        self._dispatcher.deliver(consumer, message)

    def withdraw(self, publication: Publication) -> bool:
        """Take a message back; programs call `cancel` of its future."""
        self.check_process()
        with self._lock:
            withdrawn = self._engine.withdraw(publication)
            if withdrawn and self._driver is not None:
                self._driver.notify()  # it lets those go on who wait for room
            return withdrawn

    def run_callback(self, callback: Callable[..., Any], future: ClusterFuture) -> None:
        """Run a done-callback on a dispatcher thread."""
        self._dispatcher.call(callback, future)
