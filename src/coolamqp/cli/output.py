"""The output of commands: text for people, or JSON for machines, one object a line.

Colours and progress are for terminals only. Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import click

NAME_WIDTH = 14  # columns of the names in a table, or more for long ones


class Progress(Protocol):
    """A progress bar, or something that shows nothing."""

    def advance(self, count: int = 1) -> None:
        """Count something that is done."""


class Output:
    """The output of a command.

    :param as_json: whether to write JSON
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def result(self, record: dict[str, Any], text: str) -> None:
        """Write a result: the record as JSON, or the text."""
        if self.as_json:
            write_bytes(json_line(record))
        elif text:
            click.echo(text)

    def table(self, record: dict[str, Any], rows: Iterable[tuple[str, object]]) -> None:
        """Write a result: the record as JSON, or names and values below each other."""
        shown = [(name, str(value)) for name, value in rows]
        width = max(NAME_WIDTH, *(len(name) + 2 for name, _ in shown))
        lines = [
            click.style(name.ljust(width), dim=True) + value.replace('\n', '\n' + width * ' ')
            for name, value in shown
        ]
        self.result(record, '\n'.join(lines))

    def heading(self, text: str) -> None:
        """Write a heading above results, for people."""
        if not self.as_json:
            click.echo(click.style(text, dim=True))

    def note(self, text: str) -> None:
        """Write something that is no result, for people."""
        if not self.as_json:
            click.echo(text, err=True)

    @contextmanager
    def progress(
        self, what: str, total: int | None = None, *, hidden: bool = False
    ) -> Iterator[Progress]:
        """Show a progress bar during a `with` block, if a person looks at it.

        :param what: what is done with the things that it counts
        :param total: how many there are; None if that is not known
        :param hidden: show none, such as while the user types
        """
        if hidden or self.as_json or not sys.stderr.isatty():
            yield _NoProgress()
            return
        from coolamqp.cli.display import progress_bar  # noqa: PLC0415 - rich is slow to import

        with progress_bar(what, total) as bar:
            yield bar

    @contextmanager
    def live_figures(self) -> Iterator[Callable[[list[tuple[str, str]]], object]]:
        """Yield a function that shows names and values, if a person looks at them."""
        if self.as_json or not sys.stderr.isatty():
            yield lambda _rows: None
            return
        from coolamqp.cli.display import live_figures  # noqa: PLC0415 - rich is slow to import

        with live_figures() as show:
            yield show


class _NoProgress:
    def advance(self, count: int = 1) -> None:
        """Do nothing."""


def json_line(record: dict[str, Any]) -> bytes:
    """Return an object as a line of JSON."""
    return json.dumps(record, ensure_ascii=False).encode('utf-8') + b'\n'


def write_bytes(data: bytes) -> None:
    """Write bytes to stdout, and flush them."""
    stream = sys.stdout.buffer
    stream.write(data)
    stream.flush()


def counted(number: int, what: str) -> str:
    """Return a number and what it counts, such as '1 message' and '2 messages'."""
    return f'{number} {what}{"" if number == 1 else "s"}'
