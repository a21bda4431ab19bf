"""The end of the program: running Clusters send their pending messages, in bounded time.

The threads of a Cluster are daemons, so without this the interpreter would stop them in the middle
of their work.
"""

from __future__ import annotations

import atexit
from typing import Protocol
from weakref import WeakSet


class Ending(Protocol):
    """An object to shut down at the end of the program."""

    def begin_exit(self) -> None:
        """Begin the shutdown, without waiting."""

    def await_exit(self) -> None:
        """Wait for the end of the shutdown, in bounded time."""


_watched: WeakSet[Ending] = WeakSet()


def watch(cluster: Ending) -> None:
    """Shut a Cluster down at the end of the program."""
    _watched.add(cluster)


def _at_exit() -> None:
    clusters = list(_watched)
    for cluster in clusters:  # All of them first, so that they end at the same time.
        cluster.begin_exit()
    for cluster in clusters:
        cluster.await_exit()


atexit.register(_at_exit)
