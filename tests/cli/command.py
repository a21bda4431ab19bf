"""The command as a process, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

PATIENCE = 60.0  # seconds


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    error: str

    @property
    def record(self) -> dict[str, Any]:
        """The one line of JSON that it has written."""
        (record,) = self.records
        return record

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Command:
    """The command with a broker and a configuration folder.

    :ivar url: the address of the broker, for AMQP_URL; None for no such variable
    :ivar folder: the configuration folder
    """

    url: str | None
    folder: Path

    def __call__(self, *arguments: object, given: bytes | str = b'', **variables: str) -> Ended:
        """Run a command to its end; `given` is its stdin."""
        ended = subprocess.run(
            self.line(*arguments),
            input=given.encode() if isinstance(given, str) else given,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            env=self.environment(**variables),
        )
        assert b'Traceback' not in ended.stderr, ended.stderr.decode()
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    def start(self, *arguments: object, **variables: str) -> subprocess.Popen[bytes]:
        """Start a command, with pipes to all of its streams."""
        return subprocess.Popen(
            self.line(*arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(**variables),
        )

    def start_into(self, pipe: IO[bytes], *arguments: object) -> subprocess.Popen[bytes]:
        """Start a command that writes its results into a pipe."""
        return subprocess.Popen(
            self.line(*arguments), stdout=pipe, stderr=subprocess.PIPE, env=self.environment()
        )

    def line(self, *arguments: object) -> list[str]:
        return [sys.executable, '-W', 'error', '-m', 'coolamqp', *map(str, arguments)]

    def environment(self, **variables: str) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name != 'AMQP_URL'}
        address = {} if self.url is None else {'AMQP_URL': self.url}
        return {**inherited, **address, 'XDG_CONFIG_HOME': str(self.folder), **variables}
