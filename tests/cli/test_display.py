"""What terminals show."""

from __future__ import annotations

import io

from rich.console import Console

from coolamqp.cli.display import progress_bar


def test_a_progress_bar_counts() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80)
    with progress_bar('published', 3, console) as bar:
        bar.advance()
        bar.advance(2)

    assert 'published' in file.getvalue()
    assert '3/3' in file.getvalue()
