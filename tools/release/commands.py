"""Commands that a release runs, and the virtual environments in which it runs them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
REQUIREMENTS: Final = Path(__file__).parent


def run(*command: str | Path, **variables: str) -> str:
    """Run a command outside the checkout, and return its output.

    :param variables: environment variables to add
    :raises SystemExit: the command fails; with its output
    """
    done = subprocess.run(
        list(map(str, command)),
        cwd=tempfile.gettempdir(),
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f'{done.stdout}\nfailed: {" ".join(map(str, command))}')
    return done.stdout


def environment(python: str, folder: Path, *requirements: str) -> Path:
    """Make a virtual environment with these requirements and no pip. Return its bin folder."""
    run(python, '-m', 'venv', '--without-pip', folder)
    programs = folder / 'bin'
    pip = [sys.executable, '-m', 'pip', '--python', str(programs / 'python')]
    run(*pip, 'install', '--disable-pip-version-check', *requirements)
    return programs


def tools(folder: Path) -> Path:
    """Make the environment of the programs that check a release. Return its bin folder."""
    return environment(sys.executable, folder, '-r', str(REQUIREMENTS / 'check.txt'))
