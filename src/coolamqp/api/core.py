"""What every Cluster stands on: the engine, and how its programs reach it.

An order is told to the engine under the lock, and whoever drives the engine is asked to look at it
again. What the lock is, and who the driver, each face says for itself: this knows no thread and no
event loop. This is also whom consumers and messages ask to act.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, Generic, Protocol, TypeVar, cast

from coolamqp.api.bounds import Bounds
from coolamqp.api.commands import Command, Commands, FutureT
from coolamqp.api.completing import complete
from coolamqp.api.events import Event
from coolamqp.api.guard import guarded
from coolamqp.api.options import ClusterOptions
from coolamqp.api.reporter import Fault, Reporter
from coolamqp.api.spans import end_with, with_context
from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.attache_group import AttacheGroup
from coolamqp.attaches.consumer import Consumer
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.effects import Effects
from coolamqp.attaches.publication import Publication
from coolamqp.attaches.receiver import Receiver
from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import Callable as CallableList
from coolamqp.objects import Message, NodeDefinition, ServerProperties
from coolamqp.objects.message import Settlement
from coolamqp.supervisor.client_properties import client_properties
from coolamqp.supervisor.engine import Engine
from coolamqp.supervisor.notices import NoWayIn, Restored
from coolamqp.supervisor.states import EngineState
from coolamqp.telemetry import call_tracer
from coolamqp.tracing import CallSpan


class Driver(Protocol):
    """Who has a socket and a clock for the engine."""

    def notify(self) -> None:
        """Look at the engine again; called with the lock."""


DriverT = TypeVar('DriverT', bound=Driver)


class FaceCore(Commands[FutureT], Generic[FutureT, DriverT]):
    """The engine of a Cluster, and the calls that are the same for all faces.

    :param run: runs a hook with its arguments where callbacks run
    :param put: takes an event for `drain`
    :param utc_now: tells the date and time, for faults
    :param random: gives numbers from 0 to 1, for back-off
    :param now: the driver's clock at this moment, in seconds
    """

    _lock: AbstractContextManager[Any]  # held whenever the engine is touched

    def __init__(
        self,
        options: ClusterOptions,
        run: Callable[..., None],
        put: Callable[[Event], None],
        utc_now: Callable[[], datetime],
        random: Callable[[], float],
        now: float,
    ) -> None:
        self.name = options.name
        self._call_tracer = call_tracer(options.tracer)
        self._reporter = Reporter(
            options.name,
            run,
            put,
            utc_now,
            options.on_fail,
            options.on_blocked,
            options.all_events,
        )
        self._engine = Engine(
            options.nodes,
            client_properties(options.name, options.extra_properties),
            self,
            options.log_frames,
            random,
            now,
        )
        self._bounds = Bounds(self._engine, options.max_unconfirmed, options.max_unconfirmed_bytes)
        self._driver: DriverT | None = None
        self._refusals: list[tuple[NodeDefinition, Exception]] = []

    @abstractmethod
    def _new_future(self, span: CallSpan | None = None) -> FutureT:
        """Make a future for a program of this face; the lock is held.

        :param span: to be ended with the future
        """

    @abstractmethod
    def _post(self, effects: Effects) -> None:
        """Hand messages and hooks to where callbacks run."""

    @abstractmethod
    def _note_turn(self) -> None:
        """Let those go on who wait for the connection to come up, or for the end."""

    @abstractmethod
    def deliver(self, consumer: Receiver, message: Delivery) -> None:
        """Give a message to the program, from `Consumer.on_delivery`."""

    # What it is like at this moment

    @property
    def connected(self) -> bool:
        """Whether there is a connection, with everything on it restored."""
        return self._engine.state is EngineState.UP

    @property
    def started(self) -> bool:
        """Whether `start` was called."""
        return self._driver is not None

    def is_shutdown(self) -> bool:
        """Whether it was started and shut down."""
        return self.started and self._engine.state is EngineState.STOPPED

    @property
    def properties(self) -> ServerProperties | None:
        """What the broker says of itself; None while there is no connection."""
        connection = self._engine.connection
        return None if connection is None else connection.properties

    @property
    def node(self) -> NodeDefinition | None:
        """The node to which there is a connection, or to which one is being made."""
        link = self._engine.link
        return None if link is None else link.node

    @property
    def faults(self) -> list[Fault]:
        """What has gone wrong with connections, the latest last; the last hundred."""
        return list(self._reporter.faults)

    @property
    def last_error(self) -> Exception | None:
        """The cause of the latest fault; None if there was none."""
        faults = self._reporter.faults
        return faults[-1].cause if faults else None

    @property
    def on_event(self) -> CallableList:
        """Functions that are called with each event, but for messages; `on_event.add(function)`."""
        return self._reporter.on_event

    @property
    def on_return(self) -> CallableList:
        """Functions that are called with `Returned` for what came back and was not confirmed."""
        return self._reporter.on_return

    def _peer(self) -> tuple[str, int] | None:
        node = self.node
        return None if node is None else (node.host, node.port)

    def _is_running(self) -> bool:
        return self._engine.takes_commands

    def _running(self) -> DriverT:
        """Give the driver of a Cluster that can be used; the lock is held.

        :raises RuntimeError: it was not started, or in another process
        :raises ConnectionDead: it was shut down
        """
        driver = self._begun()
        if not self._is_running():
            raise ConnectionDead('this Cluster was shut down, or is about to be')
        return driver

    def _begun(self) -> DriverT:
        """Give the driver of a Cluster that was started, whatever it is now.

        :raises RuntimeError: it was not, or in another process
        """
        if self._driver is None:
            self.check_process()
            raise RuntimeError('this Cluster is not started yet; call start() first')
        return self._driver

    def check_process(self) -> None:
        """Refuse to act where the Cluster does not belong, if the face knows of such a place."""

    def _has_turned(self) -> bool:
        """Whether it is decided if starting succeeds."""
        stopped = self._engine.state is EngineState.STOPPED
        return self.connected or bool(self._refusals) or stopped

    def _is_up_or_ending(self) -> bool:
        return self.connected or not self._is_running()

    def _no_connection(self, timeout: float | None) -> ConnectionDead:
        """Give the error of a start that has failed; the lock is held."""
        failures = self._refusals or self._engine.failures
        causes = '; '.join(f'{node}: {cause}' for node, cause in failures)
        return ConnectionDead(f'cannot connect: {causes or f"no answer within {timeout} s"}')

    # Orders

    @property
    def attache_group(self) -> AttacheGroup:
        """Where programs for CoolAMQP 2.x add consumers that they have made by hand."""
        return AttacheGroup(self)

    def command(self, order: Command, span: CallSpan | None = None) -> FutureT:
        """Carry out an order under the lock, and have the engine looked at."""
        with self._lock:
            driver = self._running()
            future = self._new_future(span)
            order(self._engine, future)
            driver.notify()
        return future

    def add_consumer(self, consumer: Consumer) -> FutureT:
        """Take up a consumer that was made by hand, often of a class of the program's own.

        :returns: a future that ends when consuming has begun, or with `AMQPError`
        :raises ValueError: it was added before, to this Cluster or another one
        """
        if not isinstance(consumer, Consumer):
            raise TypeError(f'consumer must be a Consumer, not {consumer!r}')
        with self._traced('consume', consumer.queue, consumer.span, kind='consumer') as traced:
            return self._begin_to_consume(consumer, traced)

    def _begin_to_consume(self, consumer: Consumer, span: CallSpan | None) -> FutureT:
        self._check_callback(consumer)
        future = cast('FutureT | None', consumer.future_to_notify)
        if future is not None and span is not None:
            future.add_done_callback(partial(end_with, span))
        with self._lock:
            driver = self._running()
            if future is None:
                future = self._new_future(span)
            self._engine.consume(consumer, future)
            driver.notify()
        return future

    @abstractmethod
    def _check_callback(self, consumer: Consumer) -> None:
        """Refuse a consumer whose `on_message` this face cannot call, with TypeError."""

    def cancel_consumer(self, consumer: Consumer) -> FutureT:
        """Stop a consumer; programs call `Consumer.cancel`."""
        with self._lock:
            future = self._new_future()
            if self._driver is not None and self._engine.state is not EngineState.STOPPED:
                consumer.begin_cancel(future)
                self._driver.notify()
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
        if ledger.settle(delivery_tag, how, multiple):
            with self._lock:
                ledger.announce()
                if self._driver is not None:
                    self._driver.notify()

    def publish_reply(self, answer: Message, routing_key: bytes) -> FutureT:
        """Publish the answer to a request; programs call `ReceivedMessage.reply`."""

        def command(engine: Engine, promise: Any) -> None:
            publication.promise = promise
            engine.publish(publication)

        with self._traced('reply', routing_key, kind='producer') as traced:
            publication = Publication(with_context(answer, traced), b'', routing_key)
            return self.command(command, traced)

    # What the engine tells

    def _carry_out(self, effects: Effects) -> None:
        """Do what the engine cannot: report, run callbacks, end futures; without the lock."""
        for notice in effects.notices:
            guarded(self._reporter.report, notice)
        if effects.posts:
            self._post(effects)
        complete(effects)
        if effects.notices:
            self._note_refusals(effects.notices)
            self._note_turn()

    def _note_refusals(self, notices: list[object]) -> None:
        for notice in notices:
            if isinstance(notice, NoWayIn):
                self._refusals = notice.causes
            elif isinstance(notice, Restored):
                self._refusals = []


def is_coroutine_function(function: object) -> bool:
    """Whether a function, or an object that is called as one, gives something to be awaited."""
    return iscoroutinefunction(function) or iscoroutinefunction(type(function).__call__)
