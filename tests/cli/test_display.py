"""What terminals show."""

from __future__ import annotations

import io
import signal

from rich.console import Console

from coolamqp.cli.display import Rows, live_figures, live_tables, progress_bar
from coolamqp.cli.stop import Stop


def test_a_progress_bar_counts() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80)
    with progress_bar('published', 3, console) as bar:
        bar.advance()
        bar.advance(2)

    assert 'published' in file.getvalue()
    assert '3/3' in file.getvalue()


def test_tables_are_shown_until_the_signal() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80)
    with Stop() as stop:

        def tables() -> list[Rows]:
            signal.raise_signal(signal.SIGINT)
            return [('queues', ('name', 'ready'), [('jobs', '3')])]

        live_tables(tables, stop, 60.0, console)

    assert 'queues' in file.getvalue()
    assert 'jobs' in file.getvalue()


def test_figures_replace_each_other() -> None:
    file = io.StringIO()
    with live_figures(Console(file=file, force_terminal=True, width=80)) as show:
        show([('published', '1 messages/s')])
        show([('published', '2 messages/s')])

    assert '2 messages/s' in file.getvalue()
