"""The terminal output of the demo: three bars, and the events of the connections above them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from examples.demo.tally import Tally

COUNTS = ('published', 'confirmed', 'received')


class Display:
    """The output of one run. Any thread may use it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn('[bold]{task.description:>9}'),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            console=console,
            expand=True,
        )
        self._tasks = {name: self._progress.add_task(name, total=None) for name in COUNTS}

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self._console.print(f'[bold cyan]▸[/] {text}', highlight=False, soft_wrap=True)

    def show(self, tally: Tally) -> None:
        """Update the bars."""
        for name, task in self._tasks.items():
            self._progress.update(task, completed=getattr(tally, name), total=tally.total)

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show the bars, and the warnings of CoolAMQP above them, during a `with` block."""
        logger = logging.getLogger('coolamqp')
        handler = _Sayer(self)
        logger.addHandler(handler)
        try:
            with self._progress:
                yield
        finally:
            logger.removeHandler(handler)


class _Sayer(logging.Handler):
    """A log handler that prints records above the bars."""

    def __init__(self, display: Display) -> None:
        super().__init__(logging.WARNING)
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        self._display.say(f'[yellow]{escape(record.getMessage())}[/]')
