"""Programs of other clients as processes: how they are started, and what they have done."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.support.environments import node_modules_of, python_of

ROOT: Final = Path(__file__).parents[2]
PROGRAMS: Final = Path(__file__).parent / 'programs'
# A program ends by itself before, and shows the stacks of its threads.
RUN_TIMEOUT: Final = 40  # seconds
# These change the Python of an environment, or let it import our CoolAMQP.
SETTINGS_OF_OURS: Final = ('PYTHON', 'COOLAMQP_')


@dataclass(frozen=True)
class Run:
    """A finished run of a program."""

    status: int
    output: str
    errors: str

    @property
    def steps(self) -> list[str]:
        """The steps that the program has done, in their order."""
        lines = self.output.splitlines()
        return [line.removeprefix('ok ') for line in lines if line.startswith('ok ')]

    def check(self, expected: Sequence[str]) -> None:
        """Fail the test, with the output of the program, if it has not done these steps."""
        if problem := self._problem(list(expected)):
            text = f'{problem}\n--- output\n{self.output}\n--- standard error\n{self.errors}'
            pytest.fail(text, pytrace=False)

    def _problem(self, expected: list[str]) -> str:
        done = self.steps
        if done == expected:
            return f'all steps are done, but the status is {self.status}' if self.status else ''
        if done == expected[: len(done)]:
            return f'failed at the step {expected[len(done)]!r}, with status {self.status}'
        return f'did the steps {done} instead of {expected}'


def run_python(environment: str, module: str, url: str) -> Run:
    """Run a module of `tests.foreign.programs` in an environment."""
    return run(command_of(environment, module, url), program_variables())


def run_node(environment: str, script: str, url: str) -> Run:
    """Run a script of `tests/foreign/programs` with the packages of an environment."""
    modules = str(node_modules_of(environment))
    return run(['node', str(PROGRAMS / script), url], program_variables(NODE_PATH=modules))


def command_of(environment: str, module: str, *arguments: str) -> list[str]:
    """Return the command that runs a program in Python, from the root of the repository."""
    return [python_of(environment), '-m', f'tests.foreign.programs.{module}', *arguments]


def program_variables(**more: str) -> dict[str, str]:
    """Return the environment variables for a program that must not find our CoolAMQP."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(SETTINGS_OF_OURS)
    }
    return {**kept, 'PYTHONDONTWRITEBYTECODE': '1', **more}


def run(command: Sequence[str], environment: Mapping[str, str]) -> Run:
    """Run a program to its end."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)


@contextmanager
def started_celery(
    python: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a Celery worker, and kill it at the end of the block if it still runs."""
    with (
        log.open('wb') as output,
        subprocess.Popen(
            [python, '-m', 'celery', *arguments, '--loglevel=INFO'],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()
