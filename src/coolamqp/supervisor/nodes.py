"""The choice of a node: which one is tried next, and after which delay.

The nodes are tried in turn, one round without a pause; between rounds the back-off decides.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

from coolamqp.exceptions import AMQPError, TLSRefused
from coolamqp.objects import NodeDefinition
from coolamqp.reply_codes import ACCESS_REFUSED, NOT_ALLOWED
from coolamqp.supervisor.back_off import BackOff

# Back-off begins anew after a connection that lasted this long, in seconds.
STABLE_SECONDS: Final = 2.0
# The least delay before a login that was refused is tried again, in seconds.
REFUSED_DELAY: Final = 5.0


class NodeChoice:
    """Chooses among the nodes of a Cluster.

    :param nodes: in the order of preference
    :param random: returns numbers from 0 to 1
    """

    def __init__(self, nodes: list[NodeDefinition], random: Callable[[], float]) -> None:
        self._nodes = nodes
        self._index = 0
        self._tries = 0  # that have failed since there was a connection
        self._failures: dict[NodeDefinition, Exception] = {}  # the latest of each node
        self._back_off = BackOff(random)
        self._up_since = inf

    @property
    def current(self) -> NodeDefinition:
        """The node to try."""
        return self._nodes[self._index]

    @property
    def failures(self) -> list[tuple[NodeDefinition, Exception]]:
        """The latest error of each node that could not be had."""
        return list(self._failures.items())

    @property
    def all_refused(self) -> bool:
        """Whether the first round has just ended, and each node has refused us for good."""
        return self._tries == len(self._nodes) and all(map(_is_lasting, self._failures.values()))

    def on_restored(self, now: float) -> None:
        """Record that the current node is in use."""
        self._tries = 0
        self._failures.clear()
        self._up_since = now

    def on_lost(self, cause: Exception, now: float) -> float:
        """Go on to the next node after a connection was lost; return the delay, in seconds."""
        if now >= self._up_since + STABLE_SECONDS:
            self._back_off.reset()
        self._up_since = inf
        self._go_on()
        return self._delay(cause, now)

    def on_failed(self, cause: Exception, now: float) -> float:
        """Go on to the next node after a failed try; return the delay, in seconds."""
        self._tries += 1
        self._failures[self.current] = cause
        self._go_on()
        if self._tries % len(self._nodes):
            return 0.0  # The round is not over.
        return self._delay(cause, now)

    def _go_on(self) -> None:
        self._index = (self._index + 1) % len(self._nodes)

    def _delay(self, cause: Exception, now: float) -> float:
        delay = self._back_off.next_delay(now)
        return delay + REFUSED_DELAY if _is_lasting(cause) else delay


def _is_lasting(cause: Exception) -> bool:
    """Whether trying again soon will not help: login, virtual host or TLS were refused."""
    if isinstance(cause, AMQPError):
        return cause.reply_code in (ACCESS_REFUSED, NOT_ALLOWED)
    return isinstance(cause, TLSRefused)
