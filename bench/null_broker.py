"""The process of the null broker. This module compiles it if the source is newer."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final, Self

SOURCE: Final = Path(__file__).with_suffix('.c')
FOLDER: Final = Path(__file__).resolve().parent.parent / '.bench'


class NullBroker:
    """A running null broker. It is a context manager, and ends with the block."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [_compiled()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = f'amqp://guest:guest@127.0.0.1:{int(self._process.stdout.readline())}/'

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=10)


def stream(messages: int, size: int) -> str:
    """Return the name of a queue with `messages` messages of `size` bytes."""
    return f'stream.{messages}.{size}'


def _compiled() -> Path:
    program = FOLDER / 'null_broker'
    if not program.exists() or program.stat().st_mtime < SOURCE.stat().st_mtime:
        FOLDER.mkdir(exist_ok=True)
        command = ['gcc', '-O2', '-Wall', '-Wextra', '-pthread', '-o', str(program), str(SOURCE)]
        subprocess.run(command, check=True)
    return program
