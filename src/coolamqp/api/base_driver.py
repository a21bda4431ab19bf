"""The common part of the drivers for threads and for asyncio: it carries out effects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from coolamqp.api.guarded import complete
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.effects import Effects, LogRecord
from coolamqp.attaches.events import Event
from coolamqp.attaches.mailbox import Item, Mailbox
from coolamqp.objects import ReceivedMessage
from coolamqp.supervisor.engine import Engine

Reports: TypeAlias = list[Event | LogRecord]


class CallbackRunner(Protocol):
    """A dispatcher, which runs callbacks."""

    def post(self, callbacks: list[tuple[Mailbox, Item]]) -> None:
        """Put messages and hooks into their mailboxes."""

    def deliver(self, mailbox: Mailbox, message: Delivery) -> None:
        """Deliver a message to the program, from a hook of its consumer."""

    def calling_mailbox(self) -> Mailbox | None:
        """Return the mailbox whose callback makes the present call; None if none does."""

    def release(self, message: ReceivedMessage) -> None:
        """Count out a message that a program has taken from an inbox."""


class BaseDriver:
    """The part of a driver that carries out the effects of an engine.

    :param runner: the dispatcher
    :param report: called with the reports, before all other effects
    :param on_reported: called with the same reports, after all other effects
    """

    def __init__(
        self,
        engine: Engine,
        runner: CallbackRunner,
        report: Callable[[Reports], None],
        on_reported: Callable[[Reports], None],
    ) -> None:
        self._engine = engine
        self._runner = runner
        self._report = report
        self._on_reported = on_reported

    def carry_out(self, effects: Effects) -> None:
        """Pass on reports and callbacks, and end promises. The caller does not hold the lock."""
        reports = effects.reports
        if reports:
            self._report(reports)
        try:
            if effects.callbacks:
                self._runner.post(effects.callbacks)
        finally:  # Nobody may wait for ever, even after a defect.
            complete(effects)
        if reports:
            self._on_reported(reports)
