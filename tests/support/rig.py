"""The driver for tests of the engine, with a manual clock and without a transport.

It uses only the engine and its effects. `tests/support/commands.py` has the commands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from coolamqp.attaches.effects import LogRecord
from coolamqp.attaches.mailbox import Hook, Item, Mailbox
from coolamqp.framing.definitions import ConnectionTune
from coolamqp.framing.hot import Buffer
from coolamqp.objects import NodeDefinition
from coolamqp.supervisor.engine import Engine
from coolamqp.supervisor.link import Link
from coolamqp.supervisor.states import EngineState
from coolamqp.tracing import BaseFrameTracer
from tests.support.commands import Commands
from tests.support.scripted_broker import NODE, Clock, ScriptedBroker

_ReportT = TypeVar('_ReportT')


@dataclass
class LinkWire:
    """The part of a link that a scripted broker uses."""

    engine: Engine
    link: Link
    carry_out: Callable[[], None]

    def data_to_send(self) -> list[Buffer]:
        return self.link.data_to_send()

    def sent(self, count: int, now: float) -> None:
        self.link.sent(count, now)

    def receive(self, data: bytes, now: float) -> None:
        self.engine.receive(self.link, data, now)
        self.carry_out()


class Rig(Commands):
    """The driver of an engine for a test.

    :ivar reports: all events and log records, in order
    :ivar callbacks: all messages and hooks, in order; the rig runs the hooks at once
    """

    def __init__(
        self,
        nodes: list[NodeDefinition] | None = None,
        random: Callable[[], float] = lambda: 0.5,
        tracer: BaseFrameTracer | None = None,
        **options: Any,
    ) -> None:
        self.clock = Clock()
        self.engine = Engine(nodes or [NODE], {}, self, tracer, random, self.clock.now, **options)
        self.reports: list[object] = []
        self.callbacks: list[tuple[Mailbox, Item]] = []

    def connect(self) -> ScriptedBroker:
        """Make the transport for the link of the engine."""
        link = self.link()
        self.engine.link_up(link, self.clock.now)
        return ScriptedBroker(LinkWire(self.engine, link, self.carry_out), self.clock)

    def link(self) -> Link:
        """Return the link; there must be one."""
        assert self.engine.link is not None
        return self.engine.link

    def state(self) -> EngineState:
        """Return the state of the engine, in a way that mypy does not remember."""
        return self.engine.state

    def up(self, tune: ConnectionTune | None = None) -> ScriptedBroker:
        """Start if necessary, connect, and answer until everything is restored."""
        if self.state() is EngineState.IDLE:
            self.engine.start(self.clock.now)
        broker = self.connect()
        broker.shake_hands(tune)
        broker.serve()
        self.carry_out()
        return broker

    def lose(self, cause: Exception | None = None) -> None:
        """Report the loss or the failure of the transport."""
        cause = cause or ConnectionResetError('cut')
        self.engine.link_failed(self.link(), cause, self.clock.now)
        self.carry_out()

    def reconnect(self) -> ScriptedBroker:
        """Lose the transport, wait for the back-off, and connect again."""
        self.lose()
        self.advance(1.0)
        return self.up()

    def advance(self, seconds: float) -> None:
        """Move the clock on, and call the engine exactly at its wake-up times."""
        end = self.clock.now + seconds
        while self.engine.wake_at() <= end:
            self.clock.now = max(self.clock.now, self.engine.wake_at())
            self.engine.tick(self.clock.now)
        self.clock.now = end
        self.engine.tick(end)
        self.carry_out()

    def carry_out(self) -> None:
        """Carry out the effects of the engine."""
        effects = self.engine.take_effects()
        for promise in effects.confirmed:
            promise.set_result(None)
        for completion in effects.completions:
            if completion.error is None:
                completion.promise.set_result(completion.value)
            else:
                completion.promise.set_exception(completion.error)
        self.callbacks += effects.callbacks
        for _, item in effects.callbacks:
            if isinstance(item, Hook):
                item.function(*item.arguments)
        self.reports += effects.reports
        if any(mailbox.ending for mailbox, _ in effects.callbacks):
            self.engine.tick(self.clock.now)  # as `Mailboxes.give_back` asks for it
            self.carry_out()

    def logged(self) -> str:
        """Return all log records, one in each line."""
        return '\n'.join(record.text for record in self.reported(LogRecord))

    def reported(self, wanted: type[_ReportT]) -> list[_ReportT]:
        """Return all reports of a class."""
        return [report for report in self.reports if isinstance(report, wanted)]

    def messages(self) -> list[Any]:
        """Return the received messages."""
        return [item for _, item in self.callbacks if not isinstance(item, Hook)]
