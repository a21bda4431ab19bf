"""Effects: the work that the engine wants the driver to carry out.

The engine never calls a program and never ends a promise. Under the engine lock it adds such work
to its effects. The driver carries the work out after it has released the lock.
"""

from __future__ import annotations

from collections.abc import Callable
from logging import WARNING
from typing import Any

from mypy_extensions import mypyc_attr

from coolamqp.attaches.events import Event
from coolamqp.attaches.mailbox import Hook, Item, Mailbox
from coolamqp.attaches.promise import Promise
from coolamqp.log_events import LogEvent


@mypyc_attr(acyclic=True)
class Completion:
    """A promise to end, with its value or error."""

    __slots__ = ('error', 'promise', 'value')

    def __init__(
        self, promise: Promise, value: Any = None, error: BaseException | None = None
    ) -> None:
        self.promise = promise
        self.value = value
        self.error = error


class LogRecord:
    """A text for the log, with a level of the `logging` module.

    :ivar event: the name of what has happened
    :ivar fields: what it is about, such as `queue`
    """

    def __init__(self, event: LogEvent, text: str, level: int, fields: dict[str, object]) -> None:
        self.event = event
        self.text = text
        self.level = level
        self.fields = fields


class Effects:
    """The work for the driver.

    :ivar confirmed: promises to end without a value (nearly all promises are)
    :ivar completions: the other promises to end
    :ivar callbacks: messages and hooks to run, each with its mailbox
    :ivar reports: events and log records, oldest first
    """

    def __init__(self) -> None:
        self.confirmed: list[Promise] = []
        self.completions: list[Completion] = []
        self.callbacks: list[tuple[Mailbox, Item]] = []
        self.reports: list[Event | LogRecord] = []

    def succeed(self, promise: Promise | None, value: Any = None) -> None:
        """End a promise with a value; for None, do nothing."""
        if promise is None:
            return
        if value is None:
            self.confirmed.append(promise)
        else:
            self.completions.append(Completion(promise, value))

    def fail(self, promise: Promise | None, error: BaseException) -> None:
        """End a promise with an error; for None, do nothing."""
        if promise is not None:
            self.completions.append(Completion(promise, None, error))

    def call(self, mailbox: Mailbox, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function after everything that waits in the mailbox already."""
        self.callbacks.append((mailbox, Hook(function, arguments)))

    def report(self, event: Event) -> None:
        """Report an event."""
        self.reports.append(event)

    def log(self, event: LogEvent, text: str, level: int = WARNING, **fields: object) -> None:
        """Write a text to the log.

        :param event: the name of what has happened
        :param fields: what it is about, such as `queue`
        """
        self.reports.append(LogRecord(event, text, level, fields))

    def take(self) -> Effects:
        """Return all effects, and start a new collection."""
        taken = Effects()
        taken.confirmed, self.confirmed = self.confirmed, taken.confirmed
        taken.completions, self.completions = self.completions, taken.completions
        taken.callbacks, self.callbacks = self.callbacks, taken.callbacks
        taken.reports, self.reports = self.reports, taken.reports
        return taken

    def __bool__(self) -> bool:
        return bool(self.confirmed or self.completions or self.callbacks or self.reports)
