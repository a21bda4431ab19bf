"""What all parts of a Cluster stand on: the engine, its lock, and the threads around it.

An order is told to the engine under the lock and the I/O thread is woken; what the engine has to
tell is carried out on the I/O thread, outside of the lock. This is also whom consumers, messages
and futures ask to act.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, cast

from coolamqp.attaches import Consumer
from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.outcomes import Outcomes
from coolamqp.attaches.publication import Publication
from coolamqp.clustering.dispatcher import Dispatcher
from coolamqp.clustering.future import ClusterFuture, TracedFuture
from coolamqp.clustering.inbox import Inbox
from coolamqp.clustering.listener import Listener
from coolamqp.exceptions import ConnectionDead
from coolamqp.faces.events import MessageReceived
from coolamqp.faces.ordering import Order, Ordering
from coolamqp.faces.reporter import Reporter
from coolamqp.faces.spans import end_with, processing, with_context
from coolamqp.framing.field_table import Arguments
from coolamqp.objects import Message, NodeDefinition
from coolamqp.objects.message import Settlement
from coolamqp.supervisor.client_properties import client_properties
from coolamqp.supervisor.engine import Engine
from coolamqp.supervisor.notices import NoWayIn, Restored
from coolamqp.supervisor.states import EngineState
from coolamqp.telemetry import call_tracer
from coolamqp.tracing import BaseFrameTracer, CallSpan

# The states in which a Cluster takes no more orders.
ENDING: Final = (EngineState.DRAINING, EngineState.CLOSING, EngineState.STOPPED)


class ClusterCore(Ordering[ClusterFuture]):
    """The engine of a Cluster and its threads; see `coolamqp.clustering.Cluster`."""

    def __init__(
        self,
        nodes: list[NodeDefinition],
        name: str,
        extra_properties: Arguments,
        log_frames: BaseFrameTracer | None,
        on_fail: Callable[[], Any] | None,
        on_blocked: Callable[[bool], Any] | None,
        all_events: bool,
        tracer: Any,
    ) -> None:
        self.name = name
        self._call_tracer = call_tracer(tracer)
        self._inbox = Inbox()
        self._inboxes: dict[Consumer, Inbox] = {}  # of those that are iterated over
        self._dispatcher = Dispatcher(name, self._deliver, self._wake)
        self._reporter = Reporter(
            name,
            self._dispatcher.call,
            self._inbox.put,
            lambda: datetime.now(UTC),
            on_fail,
            on_blocked,
            all_events,
        )
        self._make_locks()
        self._refusals: list[tuple[NodeDefinition, Exception]] = []
        self._engine = Engine(
            nodes,
            client_properties(name, extra_properties),
            self,
            log_frames,
            random.random,
            time.monotonic(),
        )
        self._listener: Listener | None = None
        self._forked = False  # whether this is the copy of a child process

    def _make_locks(self) -> None:
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)  # for publishes; the lock is the engine's
        self._waiting_for_room = 0
        self._turned = threading.Condition()  # the connection has come up, or cannot

    # Orders

    def order(self, order: Order, span: CallSpan | None = None) -> ClusterFuture:
        """Carry out an order under the engine's lock, and wake the I/O thread."""
        future = self._future(span)
        with self._lock:
            listener = self._running()
            order(self._engine, future)
            listener.notify()
        return future

    def _future(self, span: CallSpan | None) -> ClusterFuture:
        return ClusterFuture(self) if span is None else TracedFuture(self, span)

    def _peer(self) -> tuple[str, int] | None:
        attempt = self._engine.attempt
        return None if attempt is None else (attempt.node.host, attempt.node.port)

    def _is_running(self) -> bool:
        return self._engine.state not in ENDING

    def _running(self) -> Listener:
        """Give the listener of a Cluster that can be used; the lock is held.

        :raises RuntimeError: it was not started, or in another process
        :raises ConnectionDead: it was shut down
        """
        if self._listener is None:
            self.check_process()
            raise RuntimeError('this Cluster is not started yet; call start() first')
        if not self._is_running():
            raise ConnectionDead('this Cluster was shut down, or is about to be')
        return self._listener

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
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.abandon()

    def check_may_wait(self) -> None:
        """Refuse to wait where nobody could end the waiting.

        :raises RuntimeError: this is the I/O thread, or a process that was forked
        """
        self.check_process()
        if self._is_io_thread():
            raise RuntimeError(
                'an inline callback runs on the I/O thread, so waiting for the broker in it would '
                'be a deadlock; leave out inline=True, or use add_done_callback'
            )

    def _is_io_thread(self) -> bool:
        listener = self._listener
        return listener is not None and threading.current_thread() is listener.thread

    def _wake(self) -> None:
        listener = self._listener
        if listener is not None:
            listener.wake()

    # What the engine tells, on the I/O thread

    def _carry_out(self, outcomes: Outcomes) -> None:
        for notice in outcomes.notices:
            self._reporter.report(notice)
        if outcomes.posts:
            self._dispatcher.post(outcomes.posts)
        for completion in outcomes.completions:
            if completion.error is None:
                completion.promise.set_result(completion.value)
            else:
                completion.promise.set_exception(completion.error)
        if outcomes.notices:
            self._note_turn(outcomes.notices)

    def _on_progress(self) -> None:
        """Let publishes go on that waited for room; the lock is held."""
        if self._waiting_for_room:
            self._room.notify_all()

    def _note_turn(self, notices: list[object]) -> None:
        """Let those go on who wait for the connection to come up, or for the end."""
        with self._turned:
            for notice in notices:
                if isinstance(notice, NoWayIn):
                    self._refusals = notice.causes
                elif isinstance(notice, Restored):
                    self._refusals = []
            self._turned.notify_all()
        if self._engine.state is EngineState.STOPPED:
            for inbox in (self._inbox, *self._inboxes.values()):
                inbox.close()
            self._dispatcher.finish()

    def _deliver(self, consumer: Consumer, message: Delivery) -> bool:
        """Hand a message to the program; whether it goes on waiting in an inbox."""
        if consumer.cancelled:
            return False
        if consumer.on_message is None:
            self._inboxes.get(consumer, self._inbox).put(MessageReceived(message))
            return True
        if self._call_tracer is None or consumer.dont_trace:
            consumer.on_message(message)
            return False
        with processing(self._call_tracer, consumer, message, self._peer()):
            consumer.on_message(message)
        return False

    # What consumers, messages and futures ask for

    def add_consumer(self, consumer: Consumer) -> ClusterFuture:
        """Take up a consumer that was made by hand, often of a class of the program's own.

        :returns: a future that ends when consuming has begun, or with `AMQPError`
        :raises ValueError: it was added before, to this Cluster or another one
        """
        if not isinstance(consumer, Consumer):
            raise TypeError(f'consumer must be a Consumer, not {consumer!r}')
        with self._traced('consume', consumer.queue, consumer.span, kind='consumer') as traced:
            return self._begin_to_consume(consumer, traced)

    def _begin_to_consume(self, consumer: Consumer, span: CallSpan | None) -> ClusterFuture:
        future = cast('ClusterFuture | None', consumer.future_to_notify)
        if future is None:
            future = self._future(span)
        elif span is not None:
            future.add_done_callback(partial(end_with, span))
        with self._lock:
            listener = self._running()
            self._engine.consume(consumer, future)
            listener.notify()
        return future

    def cancel_consumer(self, consumer: Consumer) -> ClusterFuture:
        """Stop a consumer; programs call `Consumer.cancel`."""
        future = ClusterFuture(self)
        with self._lock:
            if self._listener is not None and self._engine.state is not EngineState.STOPPED:
                consumer.begin_cancel(future)
                self._listener.notify()
                return future
        future.set_result(None)  # the shutdown has cancelled it
        return future

    def change_qos(self, consumer: Consumer, prefetch_count: int) -> None:
        """Change a prefetch count; programs call `Consumer.set_qos`."""
        with self._lock:
            consumer.change_qos(prefetch_count)
            self._running().notify()

    def settle(self, ledger: AckLedger, delivery_tag: int, how: Settlement, multiple: bool) -> None:
        """Settle a delivery; programs call `ack`, `nack` or `reject` of the message."""
        with self._lock:
            if ledger.settle(delivery_tag, how, multiple) and self._listener is not None:
                self._listener.notify()

    def deliver(self, consumer: Consumer, message: Delivery) -> None:
        """Give a message to the program, from `Consumer.on_delivery`."""
        self._dispatcher.deliver(consumer, message)

    def publish_reply(self, answer: Message, routing_key: bytes) -> ClusterFuture:
        """Publish the answer to a request; programs call `ReceivedMessage.reply`."""

        def order(engine: Engine, promise: Any) -> None:
            publication.promise = promise
            engine.publish(publication)

        with self._traced('reply', routing_key, kind='producer') as traced:
            publication = Publication(with_context(answer, traced), b'', routing_key)
            return self.order(order, traced)

    def run_callback(self, callback: Callable[..., Any], future: ClusterFuture) -> None:
        """Run a done-callback on a dispatcher thread."""
        self._dispatcher.call(callback, future)
