"""The installed Pythons."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

VERSIONS: Final = ('3.11', '3.12', '3.13')


def installed() -> list[str]:
    """Return an interpreter for each version; report those that are missing."""
    found = {version: find(version) for version in VERSIONS}
    for version, python in found.items():
        if python is None:
            print(f'Python {version} is not installed: no wheel for it', file=sys.stderr)
    pythons = [python for python in found.values() if python is not None]
    if not pythons:
        sys.exit('no Python is installed for which there are wheels')
    return pythons


def find(version: str) -> str | None:
    """Return a working interpreter from the PATH or from pyenv; None if there is none."""
    name = f'python{version}'
    kept = sorted(Path.home().glob(f'.pyenv/versions/{version}.*/bin/{name}'))
    for candidate in (shutil.which(name), *map(str, kept)):
        if candidate is not None and runs(candidate):
            return candidate
    return None


def runs(python: str) -> bool:
    """Whether an interpreter works: pyenv also has commands for versions that are not installed."""
    done = subprocess.run([python, '-c', 'import venv'], capture_output=True, check=False)
    return done.returncode == 0
