"""The virtual environments of the peers, with pinned requirements.

Each peer has its own environment, apart from the other peers and from CoolAMQP. CoolAMQP 2 has the
same import name as ours.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent.parent / '.bench'

OURS: Final = 'ours'
REQUIREMENTS: Final[dict[str, tuple[str, ...]]] = {
    'pika': ('pika==1.4.4',),
    'librabbitmq': ('librabbitmq-fork==2.0.2.dev3',),
    'amqp': ('amqp==5.4.2',),
    'amqpstorm': ('AMQPStorm==3.1.4',),
    'rabbitpy': ('rabbitpy==3.0.2',),
    'aio_pika': ('aio-pika==10.2.1', 'aiormq==7.2.4'),
    'coolamqp_2': ('coolamqp==2.1.2',),
}


class NotInstallable(Exception):
    """A client cannot be installed on this Python. The text has the last line of pip."""


def python_of(environment: str) -> str:
    """Return the interpreter of an environment; make the environment if necessary."""
    if environment == OURS:
        return sys.executable
    folder = FOLDER / 'environments' / environment
    if not _is_made(folder, environment):
        _make(folder, environment)
    return str(folder / 'bin' / 'python')


def _is_made(folder: Path, environment: str) -> bool:
    stamp = folder / 'made-of'
    return stamp.exists() and stamp.read_text('utf-8') == _stamp(environment)


def _stamp(environment: str) -> str:
    return '\n'.join((sys.version, *REQUIREMENTS[environment]))


def _make(folder: Path, environment: str) -> None:
    print(f'installing {" ".join(REQUIREMENTS[environment])}', file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, '-m', 'venv', str(folder)], check=True)
    _install(folder, REQUIREMENTS[environment])
    (folder / 'made-of').write_text(_stamp(environment), 'utf-8')


def _install(folder: Path, requirements: tuple[str, ...]) -> None:
    # Only wheels: a build from source may need a compiler and libraries.
    command = [str(folder / 'bin' / 'pip'), 'install', '--quiet', '--only-binary=:all:']
    done = subprocess.run(
        [*command, *requirements],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, 'PIP_DISABLE_PIP_VERSION_CHECK': '1'},
    )
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise NotInstallable(done.stderr.strip().splitlines()[-1])
