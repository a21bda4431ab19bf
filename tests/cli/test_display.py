"""What terminals show."""

from __future__ import annotations

import io
import signal

from rich.console import Console

from coolamqp.cli.display import live_figures, live_tables, progress_bar
from coolamqp.cli.overview import Table
from coolamqp.cli.stop import Stop


def test_a_progress_bar_counts() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80)
    with progress_bar('published', 3, console) as bar:
        bar.advance()
        bar.advance(2)

    assert 'published' in file.getvalue()
    assert '3/3' in file.getvalue()
    assert '100%' in file.getvalue()


def test_without_a_total_there_is_no_percentage() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80)
    with progress_bar('published', None, console) as bar:
        bar.advance(1234)

    assert '1,234' in file.getvalue()
    assert '%' not in file.getvalue()


def test_tables_are_shown_until_the_signal() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80)
    with Stop() as stop:

        def tables() -> list[Table]:
            signal.raise_signal(signal.SIGINT)
            return [
                ('queues (1)', ('name', 'ready'), [('[red]jobs', 3000)]),
                ('connections (0)', ('peer',), []),
            ]

        live_tables(tables, stop, 60.0, console)

    shown = file.getvalue()
    assert 'queues (1)' in shown
    assert '[red]jobs' in shown  # no colour
    assert '3,000' in shown
    assert 'connections (0)' in shown
    assert 'peer' not in shown


def test_figures_replace_each_other() -> None:
    file = io.StringIO()
    with live_figures(Console(file=file, force_terminal=True, width=80)) as show:
        show([('published', '1 messages/s')])
        show([('published', '2 messages/s')])

    assert '2 messages/s' in file.getvalue()
