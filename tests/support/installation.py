"""The installation of RabbitMQ that the tests use: on this machine, or inside a root.

A root is a folder with a small Debian and another version of RabbitMQ; tools/rabbitmq_root makes
it. This module chooses the installation, and makes the commands that run its programs. It must not
know the purpose of the programs.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

VARIABLE = 'RABBITMQ_VERSION'
SCRIPTS = Path('/usr/lib/rabbitmq/bin')  # the same inside a root
HOST_ROOT = Path('/')
ROOTS = Path(__file__).parents[2] / '.rabbitmq'

_VERSIONS = 'usr/lib/rabbitmq/lib/rabbitmq_server-'

# Runs a program inside a root, in its own mount namespace, which ends with the program. The script
# becomes the program, so that signals reach it. The parent of the program's folder has the same
# path inside the root, because tests put certificates and other files there. The names of this
# machine are known inside too: to ask the network for them takes time, and may take seconds.
_ENTER = """
set -eu
root=$1 folder=$2
shift 2
shared=${folder%/*}
mkdir -p "$root$shared"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$shared" "$root$shared"
mount --bind /etc/hosts "$root/etc/hosts"
exec chroot "$root" env --chdir="$folder" "$@"
"""


class RabbitMQMissing(Exception):
    """RabbitMQ is not installed, or needs root. The text says how to fix it."""


@dataclass(frozen=True)
class Installation:
    """A RabbitMQ on this machine (the default) or in a root."""

    root: Path = HOST_ROOT

    @property
    def version(self) -> tuple[int, ...]:
        """The version, such as (3, 10, 8); empty if RabbitMQ is not installed."""
        for found in self.root.glob(f'{_VERSIONS}*'):
            return parsed(found.name.rpartition('-')[2])
        return ()

    def require(self) -> None:
        """Raise RabbitMQMissing if its programs cannot run."""
        if self.root == HOST_ROOT:
            _require_package(self)
        elif os.geteuid() != 0:
            raise RabbitMQMissing(
                f'the RabbitMQ in {self.root} needs chroot, and only root may use it. Run the '
                'tests as root, or without RABBITMQ_VERSION for the RabbitMQ of this machine'
            )
        elif not self.version:
            raise RabbitMQMissing(
                f'there is no RabbitMQ in {self.root}. Make one with: '
                f'tools/rabbitmq_root {self.root.name}'
            )

    def command(self, command: list[str], folder: Path) -> list[str]:
        """Return the command line that runs a command in this installation.

        :param folder: the temporary folder of the command
        """
        if self.root == HOST_ROOT:
            return command
        enter = ['unshare', '--mount', '/bin/sh', '-c', _ENTER, 'enter']
        return [*enter, str(self.root), str(folder), *command]


def chosen_installation() -> Installation:
    """Return the installation of RABBITMQ_VERSION, such as 4.0; by default that of this machine.

    It is an environment variable so that processes of the tests inherit it.
    """
    host, wanted = Installation(HOST_ROOT), os.environ.get(VARIABLE, '')
    series = parsed(wanted) if wanted else ()
    if host.version[: len(series)] == series:
        return host
    return Installation(ROOTS / wanted)


def parsed(version: str) -> tuple[int, ...]:
    """Return a version as a tuple of numbers, which compares correctly."""
    try:
        return tuple(int(number) for number in version.split('.'))
    except ValueError:
        raise ValueError(f'{version!r} is no version; one looks like 4.0 or 3.10.8') from None


def _require_package(host: Installation) -> None:
    if not host.version or not shutil.which('epmd') or not shutil.which('erl_call'):
        raise RabbitMQMissing(
            f'RabbitMQ is not installed ({SCRIPTS}, epmd and erl_call are needed). On Debian: '
            'sudo apt-get install --no-install-recommends rabbitmq-server'
        )
