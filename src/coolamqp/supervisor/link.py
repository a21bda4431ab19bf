"""A link: the engine's wish for a transport to one node, and the driver's handle on its bytes.

The driver makes a transport for each link that is new to it. While the link is the engine's, the
driver sends what the link has, and tells it what the transport has taken. When the engine has
turned to another link, the driver sends the rest of the old one until the link is over, and closes
the transport. So the last frames, such as close-ok, reach the broker and the frame tracer.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

from coolamqp.framing.hot import Buffer
from coolamqp.objects import NodeDefinition
from coolamqp.uplink.connection import Connection

# For how long the rest of a link that is not wanted any more is sent, in seconds.
FAREWELL_SECONDS: Final = 1.0


class Link:
    """A wish for a transport to a node.

    :param deadline: the time by which the transport must be up
    :param flush: called to add everything that may be sent to the connection's send buffer
    :ivar waiting_for: the step of connecting that is under way, for error messages
    :ivar connection: the connection over the transport, for the engine only
    """

    def __init__(self, node: NodeDefinition, deadline: float, flush: Callable[[], None]) -> None:
        self.node = node
        self.deadline = deadline
        self.waiting_for = 'driver'
        self.connection: Connection | None = None
        self._flush = flush
        self._wanted = True
        self._over_at = inf

    @property
    def traced(self) -> bool:
        """Whether a frame tracer sees what is sent; it runs on the thread that drives."""
        connection = self.connection
        return connection is not None and connection.traced

    @property
    def unsent(self) -> int:
        """How many bytes are waiting to be sent, those not counted that `data_to_send` adds."""
        connection = self.connection
        return 0 if connection is None else connection.out.size

    def data_to_send(self) -> list[Buffer]:
        """Return what should be sent next, as pieces that may go together; none if nothing."""
        connection = self.connection
        if connection is None:
            return []
        if self._wanted:
            self._flush()
        return connection.out.pieces()

    def sent(self, count: int, now: float) -> None:
        """Record that the transport has taken `count` bytes of what `data_to_send` returned."""
        connection = self.connection
        if connection is not None:
            connection.sent(count, now)

    def end(self, now: float) -> None:
        """Stop wanting the transport; what is left is still to be sent, in bounded time."""
        self._wanted = False
        self._over_at = now + FAREWELL_SECONDS

    def is_over(self, now: float) -> bool:
        """Whether its transport is to be closed."""
        return not self._wanted and (not self.unsent or now >= self._over_at)

    @property
    def over_at(self) -> float:
        """The time at which the transport is to be closed, whatever is left."""
        return self._over_at
