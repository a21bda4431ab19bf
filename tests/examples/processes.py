"""Programs as processes: they are started, watched, stopped, and never left behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PATIENCE = 30.0  # seconds for anything that a process does


@contextmanager
def started(folder: Path, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Start Python with these arguments in a folder; kill it if the block leaves it running."""
    with subprocess.Popen(
        [sys.executable, '-u', '-W', 'error', *arguments],
        cwd=folder,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_line(lines: Iterable[str] | None, pattern: str) -> re.Match[str]:
    """Wait for the first line of the output, or of the errors, that has a pattern."""
    seen = []
    for line in lines or ():
        if match := re.search(pattern, line):
            return match
        seen.append(line)
    pytest.fail(f'there is no {pattern!r} in\n{"".join(seen)}')


def stop(process: subprocess.Popen[str], number: int, status: int = 0) -> tuple[str, str]:
    """Send a signal, wait for the end, and give the rest of the output and the errors."""
    process.send_signal(number)
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == status, errors
    return output, errors
