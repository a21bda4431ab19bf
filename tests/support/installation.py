"""Where a RabbitMQ is installed, and how its programs are run: on this machine, or inside a root.

A root is a folder with a small Debian of its own, made by tools/rabbitmq_root; it has a version
that this machine's Debian does not have. Owns the choice between them. Must not know what the
programs are run for.
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

# Becomes a program inside a root, in a mount namespace of its own. The process started is thus the
# program's, so signals reach it, and its mounts end with it. The folder that holds the program's
# has the same path inside, with the certificates and the like that tests have put beside it.
_ENTER = """
set -eu
root=$1 folder=$2
shift 2
shared=${folder%/*}
mkdir -p "$root$shared"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$shared" "$root$shared"
exec chroot "$root" env --chdir="$folder" "$@"
"""


class RabbitMQMissing(Exception):
    """RabbitMQ, or the right to run it, is not there; the text says what to do about it."""


@dataclass(frozen=True)
class Installation:
    """A RabbitMQ in a root; by default in this machine's own, where its package has put it."""

    root: Path = HOST_ROOT

    @property
    def version(self) -> tuple[int, ...]:
        """Its version, such as (3, 10, 8); empty when there is none."""
        for found in self.root.glob(f'{_VERSIONS}*'):
            return parsed(found.name.rpartition('-')[2])
        return ()

    def require(self) -> None:
        """Raise RabbitMQMissing when it cannot be run."""
        if self.root == HOST_ROOT:
            _require_package(self)
        elif os.geteuid() != 0:
            raise RabbitMQMissing(
                f'the RabbitMQ in {self.root} is run by chroot, which only root may do. '
                'Run the tests as root, or without RABBITMQ_VERSION on the RabbitMQ of this machine'
            )
        elif not self.version:
            raise RabbitMQMissing(
                f'there is no RabbitMQ in {self.root}. Make one with: '
                f'tools/rabbitmq_root {self.root.name}'
            )

    def command(self, command: list[str], folder: Path) -> list[str]:
        """Return what runs a command here; `folder` is a temporary one that it works in."""
        if self.root == HOST_ROOT:
            return command
        enter = ['unshare', '--mount', '/bin/sh', '-c', _ENTER, 'enter']
        return [*enter, str(self.root), str(folder), *command]


def chosen_installation() -> Installation:
    """Return the one that RABBITMQ_VERSION names, such as 4.0; unset, that of this machine.

    A variable, since it reaches the processes that tests start, too.
    """
    host, wanted = Installation(HOST_ROOT), os.environ.get(VARIABLE, '')
    series = parsed(wanted) if wanted else ()
    if host.version[: len(series)] == series:
        return host
    return Installation(ROOTS / wanted)


def parsed(version: str) -> tuple[int, ...]:
    """Return a version as numbers, which compare as versions do."""
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
