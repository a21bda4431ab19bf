"""What terminals show and pipes do not: progress bars and live tables, by rich."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from coolamqp.cli.stop import Stop


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


Rows = tuple[str, tuple[str, ...], list[tuple[str, ...]]]


def live_tables(
    tables: Callable[[], Iterable[Rows]],
    stop: Stop,
    interval: float,
    console: Console | None = None,
) -> None:
    """Show tables until the user ends the command.

    :param tables: returns the title, the columns and the rows of each table
    :param interval: the seconds after which they are new
    """
    with Live(console=console or Console(), auto_refresh=False) as live:
        while not stop.requested:
            live.update(Group(*(_table(*each) for each in tables())), refresh=True)
            stop.sleep(interval)


@contextmanager
def live_figures(
    console: Console | None = None,
) -> Iterator[Callable[[list[tuple[str, str]]], None]]:
    """Yield a function that shows names and values on stderr, in place of the ones before."""
    shown = console or Console(stderr=True)
    with Live(console=shown, auto_refresh=False, transient=True) as live:

        def show(rows: list[tuple[str, str]]) -> None:
            table = Table.grid(padding=(0, 2))
            for row in rows:
                table.add_row(*row)
            live.update(table, refresh=True)

        yield show


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    table = Table(*columns, title=title, title_justify='left')
    for row in rows:
        table.add_row(*row)
    return table
