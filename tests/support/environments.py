"""The environments of other clients, with pinned requirements.

Each client has its own environment, apart from the other clients and from CoolAMQP. CoolAMQP 2 has
the same import name as ours. The benchmark and the tests make the environments when they need them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[2] / '.environments'

OURS: Final = 'ours'
REQUIREMENTS: Final[dict[str, tuple[str, ...]]] = {
    'pika': ('pika==1.4.4',),
    'librabbitmq': ('librabbitmq-fork==2.0.2.dev3',),
    'amqp': ('amqp==5.4.2',),
    'amqpstorm': ('AMQPStorm==3.1.4',),
    'rabbitpy': ('rabbitpy==3.0.2',),
    'aio_pika': ('aio-pika==10.2.1', 'aiormq==7.2.4'),
    'celery': ('celery==5.7.0', 'kombu==5.7.0', 'amqp==5.4.2'),
    'coolamqp_2': ('coolamqp==2.1.2',),
}
NODE_REQUIREMENTS: Final[dict[str, tuple[str, ...]]] = {'amqplib': ('amqplib@2.3.1',)}


class NotInstallable(Exception):
    """A client cannot be installed here. The text has the last line of the installer."""


def python_of(environment: str) -> str:
    """Return the interpreter of an environment; make the environment if necessary."""
    if environment == OURS:
        return sys.executable
    folder = _made(environment, REQUIREMENTS[environment], sys.version, _install_wheels)
    return str(folder / 'bin' / 'python')


def node_modules_of(environment: str) -> Path:
    """Return the folder with the packages of an environment of Node.js; make it if necessary."""
    folder = _made(environment, NODE_REQUIREMENTS[environment], 'node', _install_node_packages)
    return folder / 'node_modules'


def _made(
    environment: str,
    requirements: tuple[str, ...],
    platform: str,
    install: Callable[[Path, Sequence[str]], None],
) -> Path:
    folder = FOLDER / environment
    stamp, text = folder / 'made-of', '\n'.join((platform, *requirements))
    if not stamp.exists() or stamp.read_text('utf-8') != text:
        sys.stderr.write(f'installing {" ".join(requirements)}\n')
        shutil.rmtree(folder, ignore_errors=True)
        install(folder, requirements)
        stamp.write_text(text, 'utf-8')
    return folder


def _install_wheels(folder: Path, requirements: Sequence[str]) -> None:
    # Our own pip installs into the environment: a pip for each one takes 3 seconds more.
    _run([sys.executable, '-m', 'venv', '--without-pip', str(folder)])
    pip = [sys.executable, '-m', 'pip', '--python', str(folder / 'bin' / 'python')]
    # Only wheels: a build from source may need a compiler and libraries.
    options = ['--quiet', '--disable-pip-version-check', '--only-binary=:all:']
    _run([*pip, 'install', *options, *requirements])


def _install_node_packages(folder: Path, requirements: Sequence[str]) -> None:
    folder.mkdir(parents=True)
    options = ['--prefix', str(folder), '--no-audit', '--no-fund', '--loglevel=error']
    _run(['npm', 'install', *options, *requirements])


def _run(command: Sequence[str]) -> None:
    # pip may find a CoolAMQP in a PYTHONPATH, and then would install none.
    variables = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    if done.returncode:
        raise NotInstallable((done.stderr.strip().splitlines() or [' '.join(command)])[-1])
