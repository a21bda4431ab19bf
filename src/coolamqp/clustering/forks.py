"""What becomes of Clusters when a process forks.

The child has a copy of the socket, and no thread that would look after it. If it wrote to it, or
closed the connection in good order, it would break its parent's. So it lets go of the socket
without a word, and its copy of the Cluster refuses to be used.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """Something that must not be used on both sides of a fork."""

    def abandon(self) -> None:
        """Let go of everything, in the child."""


_watched: WeakSet[Forkable] = WeakSet()


def watch(cluster: Forkable) -> None:
    """Have a Cluster told when it finds itself in a child process."""
    _watched.add(cluster)


def _in_child() -> None:
    for cluster in list(_watched):
        cluster.abandon()


os.register_at_fork(after_in_child=_in_child)
