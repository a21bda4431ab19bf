"""The configuration folder of the user, and its files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click


def config_file(name: str) -> Path:
    """Return the path of a file in the configuration folder. It need not exist."""
    return Path(click.get_app_dir('coolamqp')) / name


def write_private(path: Path, content: bytes) -> None:
    """Replace a file, which only the user may read and write. Make its folder if necessary."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # with mode 600
    with os.fdopen(descriptor, 'wb') as file:
        file.write(content)
    Path(name).replace(path)
