"""The Cluster: what programs with threads use.

A thin face over the engine. Each call checks what it was given in the caller's thread, tells the
engine under the lock, and wakes the I/O thread. Callbacks run on dispatcher threads.
"""

from __future__ import annotations

import random
import threading
import time
import warnings
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, ClassVar, Final, Literal, Self, cast, overload

from coolamqp.attaches import Consumer
from coolamqp.attaches.ack_ledger import AckLedger, Settlement
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.operation import declare, delete_queue
from coolamqp.attaches.outcomes import Outcomes
from coolamqp.attaches.publication import Publication
from coolamqp.clustering.dispatcher import Dispatcher
from coolamqp.clustering.events import Event, MessageReceived
from coolamqp.clustering.future import ClusterFuture
from coolamqp.clustering.inbox import Inbox
from coolamqp.clustering.listener import Listener
from coolamqp.clustering.reporter import Reporter
from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.field_table import Arguments
from coolamqp.framing.method import Method
from coolamqp.framing.text import Text, short_bytes
from coolamqp.objects import Exchange, Message, NodeDefinition, Queue, QueueBind, ServerProperties
from coolamqp.objects.topology import exchange_name
from coolamqp.supervisor.client_properties import client_properties
from coolamqp.supervisor.engine import Engine
from coolamqp.supervisor.notices import NoWayIn, Restored
from coolamqp.supervisor.states import EngineState
from coolamqp.tracing import BaseFrameTracer

# The states in which a Cluster takes no more orders.
ENDING: Final = (EngineState.DRAINING, EngineState.CLOSING, EngineState.STOPPED)
# How long shutdown waits for callbacks that are running, in seconds.
CALLBACK_PATIENCE: Final = 5.0
# Plain publishes wait while so many bytes are on their way to the socket.
UNSENT_MAX: Final = 16 * 1024 * 1024


class Cluster:
    """A connection to RabbitMQ that keeps itself, and all that was set up on it, alive.

    All methods may be called from any thread, callbacks included.

    :param nodes: a `NodeDefinition`, or several in the order of preference
    :param on_fail: called once, the first time that a connection which was up is lost
    :param extra_properties: client properties to send besides ours
    :param log_frames: who is to see every frame, see `coolamqp.tracing`
    :param name: of the connection, in log lines and in RabbitMQ's list of connections
    :param on_blocked: called with True when the broker blocks the connection for lack of memory or
        disk, with False when it goes on
    :param max_unconfirmed: how many messages may wait for their confirm; `publish` blocks at it
    :param max_unconfirmed_bytes: how large they may be together, in bytes
    :raises ValueError: no nodes

    >>> cluster = Cluster(NodeDefinition('amqp://guest:guest@localhost/'), name='billing')
    """

    ST_LINK_LOST: ClassVar[int] = 0
    ST_LINK_REGAINED: ClassVar[int] = 1

    def __init__(
        self,
        nodes: NodeDefinition | list[NodeDefinition],
        on_fail: Callable[[], Any] | None = None,
        extra_properties: Arguments = None,
        log_frames: BaseFrameTracer | None = None,
        name: str | None = None,
        on_blocked: Callable[[bool], Any] | None = None,
        tracer: Any = None,
        *,
        max_unconfirmed: int = 100_000,
        max_unconfirmed_bytes: int = 256 * 1024 * 1024,
    ) -> None:
        if tracer is not None:
            raise RuntimeError(
                'tracer= needs the opentracing extra: pip install coolamqp[opentracing]'
            )
        self.name = name or 'CoolAMQP'
        self._max_unconfirmed = max_unconfirmed
        self._max_unconfirmed_bytes = max_unconfirmed_bytes
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)  # for publishes; the lock is the engine's
        self._waiting_for_room = 0
        self._turned = threading.Condition()  # the connection has come up, or cannot
        self._refusals: list[tuple[NodeDefinition, Exception]] = []
        self._inbox = Inbox()
        self._dispatcher = Dispatcher(self.name, self._deliver, self._wake)
        self._reporter = Reporter(self.name, self._dispatcher, self._inbox, on_fail, on_blocked)
        self._engine = Engine(
            _checked_nodes(nodes),
            client_properties(self.name, extra_properties),
            self,
            log_frames,
            random.random,
            time.monotonic(),
        )
        self._listener: Listener | None = None

    # Life

    def start(self, wait: bool = True, timeout: float | None = 10.0) -> None:
        """Connect.

        :param wait: whether to wait until everything can be used
        :param timeout: how long to wait, in seconds; None for as long as it takes
        :raises ConnectionDead: there is no connection in time, or every node has refused us; it
            says why for each of them. The Cluster is shut down then.
        :raises RuntimeError: it was started before
        """
        with self._lock:
            if self._listener is not None:
                raise RuntimeError('this Cluster was started before; make a new one')
            self._listener = Listener(
                self.name,
                self._engine,
                self._lock,
                self._dispatcher,
                self._carry_out,
                self._on_progress,
            )
            self._engine.start(time.monotonic())
        self._listener.start()
        if wait:
            self._wait_until_up(timeout)

    def _wait_until_up(self, timeout: float | None) -> None:
        with self._turned:
            self._turned.wait_for(self._has_turned, timeout)
        if self.connected:
            return
        with self._lock:
            failures = self._refusals or self._engine.failures
        causes = '; '.join(f'{node}: {cause}' for node, cause in failures)
        reason = causes or f'no answer within {timeout} s'
        self.shutdown()
        raise ConnectionDead(f'cannot connect: {reason}')

    def _has_turned(self) -> bool:
        stopped = self._engine.state is EngineState.STOPPED
        return self.connected or bool(self._refusals) or stopped

    def shutdown(self, wait: bool = True) -> None:
        """End everything in good order: cancel consumers, flush what was promised, disconnect.

        Waits at most some ten seconds for the broker. Every future that is left ends with
        `ConnectionDead`. A second call does nothing.

        :param wait: whether to wait for the end
        :raises RuntimeError: it was never started
        """
        with self._lock:
            listener = self._listener
            if listener is None:
                raise RuntimeError('this Cluster was never started')
            self._engine.stop(time.monotonic())
            listener.notify()
        if wait and threading.current_thread() is not listener.thread:
            listener.thread.join()
            self._dispatcher.stop(CALLBACK_PATIENCE)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.shutdown()

    @property
    def connected(self) -> bool:
        """Whether there is a connection, with everything on it restored."""
        return self._engine.state is EngineState.UP

    @property
    def started(self) -> bool:
        """Whether `start` was called."""
        return self._listener is not None

    def is_shutdown(self) -> bool:
        """Whether it was started and shut down."""
        return self.started and self._engine.state is EngineState.STOPPED

    @property
    def properties(self) -> ServerProperties | None:
        """What the broker says of itself; None while there is no connection."""
        with self._lock:
            connection = self._engine.connection
            return None if connection is None else connection.properties

    # Topology

    def declare(
        self,
        obj: Queue | Exchange | QueueBind,
        persistent: bool = False,
        span: Any = None,
        dont_trace: bool = False,
    ) -> ClusterFuture:
        """Declare a queue, with the binding it describes, an exchange or a binding.

        :param persistent: whether to declare it again after each reconnect
        :returns: a future that ends with None, or with `AMQPError` if the broker refuses
        :raises ValueError: an anonymous queue; consuming declares it
        """
        remember = partial(self._engine.remember, obj) if persistent is True else None
        return self._call(declare(obj), remember)

    def bind(
        self,
        queue: Queue | Text,
        exchange: Exchange | Text,
        routing_key: Text,
        persistent: bool = False,
        span: Any = None,
        dont_trace: bool = False,
        arguments: Arguments = None,
    ) -> ClusterFuture:
        """Bind a queue to an exchange; see `declare`."""
        return self.declare(QueueBind(queue, exchange, routing_key, arguments), persistent)

    def delete_queue(self, queue: Queue) -> ClusterFuture:
        """Delete a queue; one that does not exist is a success.

        :returns: a future that ends with None, or with `AMQPError`
        """
        return self._call(delete_queue(queue), partial(self._engine.forget_queue, queue))

    def _call(
        self, methods: list[Method], remember: Callable[[], None] | None = None
    ) -> ClusterFuture:
        future = ClusterFuture(self)
        with self._lock:
            listener = self._running()
            self._engine.call(methods, future, remember)
            listener.notify()
        return future

    # Consuming

    def consume(
        self,
        queue: Queue,
        on_message: Callable[[Any], Any] | None = None,
        span: Any = None,
        dont_trace: bool = False,
        *args: Any,
        **kwargs: Any,
    ) -> tuple[Consumer, ClusterFuture]:
        """Consume a queue, which is declared first.

        :param on_message: called with each message on a dispatcher thread; None to `drain` them
        :param args: further arguments of `Consumer`, by position or by keyword
        :returns: the consumer, and a future that ends when consuming has begun, or with `AMQPError`
        """
        consumer = Consumer(queue, on_message, span, *args, **kwargs)
        if consumer.future_to_notify is None:
            consumer.future_to_notify = ClusterFuture(self)
        future = cast('ClusterFuture', consumer.future_to_notify)
        with self._lock:
            listener = self._running()
            self._engine.consume(consumer)
            listener.notify()
        return consumer, future

    def drain(self, timeout: float | None, span: Any = None, dont_trace: bool = False) -> Event:
        """Wait for an event: a message for a consumer without `on_message`, a lost connection.

        :param timeout: seconds; 0 returns at once, None waits until there is an event or a shutdown
        :returns: `NothingMuch` if nothing came
        """
        event = self._inbox.take(timeout)
        if isinstance(event, MessageReceived):
            self._dispatcher.release(event)
        return event

    # Publishing

    @overload
    def publish(
        self,
        message: Message,
        exchange: Exchange | Text | None = None,
        routing_key: Text = '',
        tx: None = None,
        *,
        confirm: Literal[True],
        span: Any = None,
        dont_trace: bool = False,
        timeout: float | None = None,
    ) -> ClusterFuture: ...

    @overload
    def publish(
        self,
        message: Message,
        exchange: Exchange | Text | None = None,
        routing_key: Text = '',
        tx: bool | None = None,
        confirm: bool | None = None,
        span: Any = None,
        dont_trace: bool = False,
        *,
        timeout: float | None = None,
    ) -> ClusterFuture | None: ...

    def publish(
        self,
        message: Message,
        exchange: Exchange | Text | None = None,
        routing_key: Text = '',
        tx: bool | None = None,
        confirm: bool | None = None,
        span: Any = None,
        dont_trace: bool = False,
        *,
        timeout: float | None = None,
    ) -> ClusterFuture | None:
        """Publish a message.

        :param exchange: None is the default exchange
        :param tx: the old name of `confirm`
        :param confirm: True to keep the message until the broker has taken responsibility for it,
            across reconnects; False to send and forget, or drop if there is no connection
        :param timeout: how long to wait for room if too much is unconfirmed or unsent, in seconds
        :returns: with `confirm`, a future that ends with None when the message is safe, or with the
            reason why not; without, None
        :raises TimeoutError: there was no room in time; the message is not published
        """
        if tx is not None and confirm is None:
            warnings.warn('tx is an old name; say confirm', DeprecationWarning, stacklevel=2)
            confirm = tx
        if not isinstance(message, Message):
            raise TypeError(f'message must be a Message, not {type(message).__name__}')
        publication = Publication(
            message, exchange_name(exchange), short_bytes(routing_key, 'routing_key')
        )
        if not confirm:
            self._publish_plain(publication, timeout)
            return None
        future = ClusterFuture(self)
        publication.promise = future
        future.withdraw = partial(self._withdraw, publication)
        with self._lock:
            listener = self._running()
            if not self._has_room():
                self._wait_for_room(self._has_room, timeout)
            self._engine.publish(publication)
            listener.notify()
        return future

    def _publish_plain(self, publication: Publication, timeout: float | None) -> None:
        with self._lock:
            listener = self._running()
            if not self._has_sent_enough():
                self._wait_for_room(self._has_sent_enough, timeout)
            self._engine.publish_plain(publication)
            listener.notify()

    def _has_room(self) -> bool:
        publisher = self._engine.publisher
        return (
            publisher.held < self._max_unconfirmed
            and publisher.held_bytes < self._max_unconfirmed_bytes
        )

    def _has_sent_enough(self) -> bool:
        connection = self._engine.connection
        return connection is None or connection.out.size < UNSENT_MAX

    def _wait_for_room(self, has_room: Callable[[], bool], timeout: float | None) -> None:
        """Wait, with the lock held, until the engine takes more."""
        self._waiting_for_room += 1
        try:
            if not self._room.wait_for(lambda: has_room() or not self._is_running(), timeout):
                raise TimeoutError(f'too much is unconfirmed or unsent, for {timeout} s already')
            self._running()
        finally:
            self._waiting_for_room -= 1

    def _withdraw(self, publication: Publication) -> bool:
        with self._lock:
            withdrawn = self._engine.withdraw(publication)
            if withdrawn and self._listener is not None:
                self._listener.notify()  # it lets those go on who wait for room
            return withdrawn

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
            self._inbox.close()
            self._dispatcher.finish()

    def _deliver(self, consumer: Consumer, message: Delivery) -> bool:
        """Hand a message to the program, on a dispatcher thread; whether it waits to be drained."""
        if consumer.cancelled:
            return False
        if consumer.on_message is None:
            self._inbox.put(MessageReceived(message))
            return True
        consumer.on_message(message)
        return False

    # What consumers, messages and futures ask for

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

    def settle(self, ledger: AckLedger, delivery_tag: int, how: Settlement) -> None:
        """Settle a delivery; programs call `ack` or `nack` of the message."""
        with self._lock:
            if ledger.settle(delivery_tag, how) and self._listener is not None:
                self._listener.notify()

    def run_callback(self, callback: Callable[..., Any], future: ClusterFuture) -> None:
        """Run a done-callback on a dispatcher thread."""
        self._dispatcher.call(callback, future)

    def _wake(self) -> None:
        listener = self._listener
        if listener is not None:
            listener.wake()

    def _is_running(self) -> bool:
        return self._engine.state not in ENDING

    def _running(self) -> Listener:
        """Give the listener of a Cluster that can be used; the lock is held.

        :raises RuntimeError: it was not started
        :raises ConnectionDead: it was shut down
        """
        if self._listener is None:
            raise RuntimeError('this Cluster is not started yet; call start() first')
        if not self._is_running():
            raise ConnectionDead('this Cluster was shut down, or is about to be')
        return self._listener


def _checked_nodes(nodes: NodeDefinition | list[NodeDefinition]) -> list[NodeDefinition]:
    given = [nodes] if isinstance(nodes, NodeDefinition) else list(nodes)
    if not given:
        raise ValueError('a Cluster needs at least one node')
    for node in given:
        if not isinstance(node, NodeDefinition):
            raise TypeError(f'a node must be a NodeDefinition, not {node!r}')
    return given
