"""Effects: what the engine wants carried out, collected for the driver.

The engine never calls a program and never ends a promise. It records here, under the driver's lock,
what is to be done, and the driver does it afterwards, outside of the lock.
"""

from __future__ import annotations

from collections.abc import Callable
from logging import WARNING
from typing import Any

from mypy_extensions import mypyc_attr

from coolamqp.attaches.events import Event
from coolamqp.attaches.mailbox import Hook, Item, Mailbox
from coolamqp.attaches.promise import Promise


@mypyc_attr(acyclic=True)
class Completion:
    """A promise to end, with its value or its error."""

    __slots__ = ('error', 'promise', 'value')

    def __init__(
        self, promise: Promise, value: Any = None, error: BaseException | None = None
    ) -> None:
        self.promise = promise
        self.value = value
        self.error = error


class LogRecord:
    """A line for the log; `level` is one of the logging module's."""

    def __init__(self, text: str, level: int) -> None:
        self.text = text
        self.level = level


class Effects:
    """Collects what the driver is to carry out.

    :ivar confirmed: promises to end without a value, as nearly all are
    :ivar completions: the other promises to end
    :ivar callbacks: messages and hooks to run, each with the mailbox that it belongs into
    :ivar reports: events and log records, in the order in which they arose
    """

    def __init__(self) -> None:
        self.confirmed: list[Promise] = []
        self.completions: list[Completion] = []
        self.callbacks: list[tuple[Mailbox, Item]] = []
        self.reports: list[Event | LogRecord] = []

    def succeed(self, promise: Promise | None, value: Any = None) -> None:
        """End a promise well; None is nobody's promise."""
        if promise is None:
            return
        if value is None:
            self.confirmed.append(promise)
        else:
            self.completions.append(Completion(promise, value))

    def fail(self, promise: Promise | None, error: BaseException) -> None:
        """End a promise with an error."""
        if promise is not None:
            self.completions.append(Completion(promise, None, error))

    def call(self, mailbox: Mailbox, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function after everything that is in a mailbox already."""
        self.callbacks.append((mailbox, Hook(function, arguments)))

    def report(self, event: Event) -> None:
        """Report an event."""
        self.reports.append(event)

    def log(self, text: str, level: int = WARNING) -> None:
        """Write a line to the log."""
        self.reports.append(LogRecord(text, level))

    def take(self) -> Effects:
        """Return what was collected, and begin anew."""
        taken = Effects()
        taken.confirmed, self.confirmed = self.confirmed, taken.confirmed
        taken.completions, self.completions = self.completions, taken.completions
        taken.callbacks, self.callbacks = self.callbacks, taken.callbacks
        taken.reports, self.reports = self.reports, taken.reports
        return taken

    def __bool__(self) -> bool:
        return bool(self.confirmed or self.completions or self.callbacks or self.reports)
