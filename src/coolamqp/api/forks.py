"""Forks: a Cluster lets go of its socket in a child process.

The child has a copy of the socket, and no thread that serves it. If the child wrote to the socket,
or closed the connection in good order, it would break the connection of its parent. So it closes
its copy of the socket without a word, and its copy of the Cluster raises an error when it is used.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """An object that must not be used on both sides of a fork."""

    def abandon(self) -> None:
        """Close its descriptors in the child, without a word to the broker."""


_watched: WeakSet[Forkable] = WeakSet()


def watch(cluster: Forkable) -> None:
    """Call `abandon` of a Cluster in each child process."""
    _watched.add(cluster)


def _in_child() -> None:
    for cluster in list(_watched):
        cluster.abandon()


os.register_at_fork(after_in_child=_in_child)
