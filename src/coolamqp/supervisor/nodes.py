"""The choice of the next node, and of the pause before connecting to it.

CoolAMQP tries all nodes one after the other without a pause. The back-off chooses the pause before
the next round.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

from coolamqp.exceptions import AMQPError, TLSRefused, TooFewChannels
from coolamqp.objects import NodeDefinition
from coolamqp.reply_codes import ACCESS_REFUSED, NOT_ALLOWED
from coolamqp.supervisor.addresses import AddressChoice
from coolamqp.supervisor.back_off import BackOff

# The back-off restarts after a connection that lasted at least this many seconds.
STABLE_SECONDS: Final = 2.0
# The least pause after a refused login, in seconds.
REFUSED_SECONDS_MIN: Final = 5.0


class NodeChoice:
    """The choice among the nodes of a Cluster.

    :param nodes: the nodes, the preferred one first
    :param random: returns numbers from 0 to 1
    """

    def __init__(self, nodes: list[NodeDefinition], random: Callable[[], float]) -> None:
        self._nodes = nodes
        self._index = 0
        self._tries = 0  # failed tries since the last connection
        self._failures: dict[NodeDefinition, Exception] = {}  # the latest error of each node
        self._addresses = [AddressChoice() for _ in nodes]
        self._back_off = BackOff(random)
        self._up_since = inf

    @property
    def current(self) -> NodeDefinition:
        """The node in use, or the next one to try."""
        return self._nodes[self._index]

    @property
    def addresses(self) -> AddressChoice:
        """The choice among the addresses of the current node."""
        return self._addresses[self._index]

    @property
    def failures(self) -> list[tuple[NodeDefinition, Exception]]:
        """The latest error of each node that CoolAMQP could not connect to."""
        return list(self._failures.items())

    @property
    def all_refused(self) -> bool:
        """Whether the first round has just ended, with a lasting error for each node."""
        return self._tries == len(self._nodes) and all(map(_is_lasting, self._failures.values()))

    def on_restored(self, now: float) -> None:
        """Record that the connection to the current node is restored."""
        self._tries = 0
        self._failures.clear()
        self.addresses.on_restored()
        self._up_since = now

    def on_lost(self, cause: Exception, now: float) -> float:
        """Choose the next node after the loss of a connection. Return the pause, in seconds."""
        if now >= self._up_since + STABLE_SECONDS:
            self._back_off.reset()
        if self._up_since == inf:
            self._failures[self.current] = cause  # It was lost before it was restored.
        self._up_since = inf
        self._choose_next()
        return self._delay(cause, now)

    def on_failed(self, cause: Exception, now: float) -> float:
        """Choose the next node after a failed try. Return the pause, in seconds."""
        self._tries += 1
        self._failures[self.current] = cause
        self.addresses.on_failed()
        self._choose_next()
        if self._tries % len(self._nodes):
            return 0.0  # The round is not over.
        return self._delay(cause, now)

    def _choose_next(self) -> None:
        self._index = (self._index + 1) % len(self._nodes)

    def _delay(self, cause: Exception, now: float) -> float:
        delay = self._back_off.next_delay(now)
        return delay + REFUSED_SECONDS_MIN if _is_lasting(cause) else delay


def _is_lasting(cause: Exception) -> bool:
    """Whether a new try would fail, too, as after a refused login, virtual host or TLS."""
    if isinstance(cause, AMQPError):
        return cause.reply_code in (ACCESS_REFUSED, NOT_ALLOWED)
    return isinstance(cause, (TLSRefused, TooFewChannels))
