"""What terminals show and pipes do not: progress bars and live tables, by rich."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, JustifyMethod
from rich.live import Live
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table as RichTable
from rich.text import Text

from coolamqp.cli.overview import Table
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
    """Show a progress bar on stderr during a `with` block, and then remove it.

    With a total, it shows the percentage and the remaining time; else the elapsed time.
    """
    columns: list[ProgressColumn] = [TextColumn('{task.description}'), BarColumn()]
    if total is None:
        columns += [TextColumn('{task.completed:,.0f}'), TimeElapsedColumn()]
    else:
        columns += [TaskProgressColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    shown = console or Console(stderr=True)
    with Progress(*columns, console=shown, transient=True) as progress:
        yield Bar(progress, what, total)


def live_tables(
    tables: Callable[[], Iterable[Table]],
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
            table = RichTable.grid(padding=(0, 2))
            for row in rows:
                table.add_row(*row)
            live.update(table, refresh=True)

        yield show


def _table(
    title: str, columns: tuple[str, ...], rows: list[tuple[str | int, ...]]
) -> RichTable | Text:
    """Return a table for rich, or only its title if it has no rows."""
    if not rows:
        return Text(title, style='italic')
    table = RichTable(title=title, title_justify='left')
    for place, column in enumerate(columns):
        justify: JustifyMethod = 'right' if isinstance(rows[0][place], int) else 'left'
        table.add_column(column, justify=justify)
    for row in rows:
        table.add_row(*(f'{cell:,}' if isinstance(cell, int) else escape(cell) for cell in row))
    return table
