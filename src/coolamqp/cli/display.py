"""What terminals show and pipes do not: progress bars and live tables, by rich."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class Bar:
    """A progress bar on a terminal.

    :param progress: the display of rich
    :param what: what it counts
    :param total: how many there will be; None if nobody knows
    """

    def __init__(self, progress: Progress, what: str, total: int | None) -> None:
        self._progress = progress
        self._task = progress.add_task(what, total=total)

    def advance(self, count: int = 1) -> None:
        """Count something that is done."""
        self._progress.advance(self._task, count)


@contextmanager
def progress_bar(what: str, total: int | None, console: Console | None = None) -> Iterator[Bar]:
    """Show a progress bar on stderr during a `with` block, and then remove it."""
    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn())
    shown = console or Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=shown, transient=True) as progress:
        yield Bar(progress, what, total)
