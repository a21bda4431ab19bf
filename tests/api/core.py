"""A core in memory: one thread, a manual clock, and parts that record what they are told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from typing import Any

from coolamqp.api.base_driver import BaseDriver
from coolamqp.api.cluster import BaseCluster
from coolamqp.api.consuming import ConsumeCalls
from coolamqp.api.core import Core
from coolamqp.api.event_queue import EventQueue
from coolamqp.api.options import ClusterOptions
from coolamqp.api.spans import end_with
from coolamqp.attaches import Consumer
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.effects import Effects
from coolamqp.attaches.events import Event
from coolamqp.attaches.mailbox import Hook, Item, Mailbox
from coolamqp.objects import ReceivedMessage
from coolamqp.tracing import CallSpan
from tests.support.rig import LinkWire
from tests.support.scripted_broker import NODE, Clock, ScriptedBroker


class Driver:
    """Counts how often it is to look at the engine again."""

    def __init__(self, lock: Lock) -> None:
        self.notified = 0
        self._lock = lock

    def notify(self) -> None:
        assert self._lock.held
        self.notified += 1


class Lock:
    """A lock that is not for two."""

    def __init__(self) -> None:
        self.held = False

    def __enter__(self) -> None:
        assert not self.held
        self.held = True

    def __exit__(self, *_: object) -> None:
        self.held = False


class Dispatcher:
    """Keeps what it is to run."""

    def __init__(self, done: list[str]) -> None:
        self.messages: list[Delivery] = []
        self.delivered: list[tuple[Mailbox, Delivery]] = []
        self.released: list[ReceivedMessage] = []
        self._done = done
        self.hooks: list[Hook] = []
        self.caller: Mailbox | None = None
        self.raising: Exception | None = None

    def post(self, callbacks: list[tuple[Mailbox, Item]]) -> None:
        if self.raising is not None:
            raise self.raising
        self._done.append('callbacks')
        self.messages += [item for _, item in callbacks if isinstance(item, Delivery)]
        self.hooks += [item for _, item in callbacks if isinstance(item, Hook)]

    def deliver(self, mailbox: Mailbox, message: Delivery) -> None:
        self.delivered.append((mailbox, message))

    def calling_mailbox(self) -> Mailbox | None:
        return self.caller

    def release(self, message: ReceivedMessage) -> None:
        self.released.append(message)


class Inbox(EventQueue):
    """Events for `drain`."""

    def close(self) -> None:
        """Let nobody wait, as nobody does."""

    def discard(self) -> list[Event]:
        return self.take_all()


class SmallCore(Core[Future[Any], Driver]):
    """A core without threads and without a loop.

    :ivar done: what was carried out, in order
    """

    dispatcher: Dispatcher
    lock: Lock

    def __init__(self) -> None:
        self.time = Clock()
        self.lock = Lock()
        self.done: list[str] = []
        self.late: list[Callable[[], object]] = []
        self.dispatcher = Dispatcher(self.done)
        self.inbox = Inbox()
        self.raising: Exception | None = None
        options = ClusterOptions(
            [NODE], 'billing', None, None, None, None, 9, 999, 10.0, True, None
        )
        super().__init__(
            options,
            self._run,
            self.inbox,
            lambda: datetime(2026, 11, 26, tzinfo=UTC),
            lambda: 0.5,
            lambda: self.time.now,
        )

    def _run(self, function: Callable[..., object], *arguments: object) -> None:
        self.done.append('hook')
        if self.raising is not None:
            raise self.raising
        function(*arguments)

    def new_future(self, span: CallSpan | None = None) -> Future[Any]:
        future: Future[Any] = Future()
        if span is not None:
            future.add_done_callback(partial(end_with, span))
        return future

    def own_future(self, on_end: Callable[[Future[Any]], object]) -> Future[Any]:
        future: Future[Any] = Future()
        future.add_done_callback(on_end)
        return future

    def current(self) -> threading.Thread:
        return threading.current_thread()

    def is_inside(self) -> bool:
        return self.lock.held

    def wake(self) -> None:
        self.done.append('wake')

    def call_late(self, function: Callable[[], object]) -> None:
        self.late.append(function)

    def on_state_change(self) -> None:
        self.done.append('state change')

    def check_callback(self, consumer: Consumer) -> None:
        if consumer.on_message is print:
            raise TypeError('not print')

    def carry_out(self, effects: Effects) -> None:
        """Carry effects out, as a driver does."""
        driver = BaseDriver(self.engine, self.dispatcher, self.report, self.on_reported)
        driver.carry_out(effects)

    def start(self) -> Driver:
        """Start, as a Cluster does."""
        driver = self.driver = Driver(self.lock)
        self.engine.start(self.time.now)
        return driver

    def up(self) -> ScriptedBroker:
        """Connect to a broker."""
        link = self.engine.link
        assert link is not None
        self.engine.link_up(link, self.time.now)
        wire = LinkWire(self.engine, link, lambda: self.carry_out(self.engine.take_effects()))
        broker = ScriptedBroker(wire, self.time)
        broker.shake_hands()
        broker.serve()
        self.done.clear()
        return broker

    def tick(self, seconds: float) -> None:
        """Let time pass, and tell the engine."""
        self.time.now += seconds
        self.engine.tick(self.time.now)
        self.carry_out(self.engine.take_effects())


class SmallCluster(BaseCluster[Future[Any]], ConsumeCalls[Future[Any]]):
    """A Cluster with such a core."""

    def __init__(self) -> None:
        super().__init__(NODE)

    def __del__(self) -> None:
        """Warn of nothing: tests drop it."""

    def _make_core(self, options: ClusterOptions) -> None:
        self._core = self.core = SmallCore()
