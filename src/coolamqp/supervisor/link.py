"""The link: the engine's request for a transport to one node, and the access to its bytes.

The driver makes a transport for each new link. It sends the bytes of the link, and reports to the
link how many bytes the transport has accepted. When the engine has ended the link, the driver sends
the remaining bytes until the link is over, and closes the transport. So the last frames, such as
close-ok, reach the broker and the frame tracer.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.hot import Buffer
from coolamqp.objects import NodeDefinition
from coolamqp.supervisor.addresses import Address, AddressChoice
from coolamqp.uplink.connection import Connection

# After the end of a link, the driver sends its remaining bytes for at most this many seconds.
LAST_BYTES_SECONDS_MAX: Final = 1.0


class Link:
    """The request for a transport to a node.

    :param addresses: the choice among the addresses of the node
    :param flush: called to fill the send buffer of the connection
    :param now: the time, in seconds on the driver's clock
    :param timeout: the longest time for the transport to come up, in seconds
    :ivar deadline: the time at which the engine ends the link if the transport is not up
    :ivar waiting_for: the current step of connecting, for error messages
    :ivar connection: the connection over the transport, for the engine only
    """

    def __init__(
        self,
        node: NodeDefinition,
        addresses: AddressChoice,
        now: float,
        timeout: float,
        flush: Callable[[], None],
    ) -> None:
        self.node = node
        self.addresses = addresses
        self.deadline = now + timeout
        self._timeout = timeout
        self.waiting_for = 'driver'
        self.connection: Connection | None = None
        self._flush = flush
        self._wanted = True
        self._over_at = inf

    def reached(self, address: Address, now: float) -> None:
        """Record that an address has answered. It has its share of the time for the rest."""
        self.addresses.on_reached(address)
        left = self.deadline - now
        share = self.addresses.share(left)
        self.deadline = now + share
        self._timeout += share - left

    def wake_at(self) -> float:
        """Return the time by which the engine must look at the link again."""
        connection = self.connection
        return self.deadline if connection is None else connection.wake_at()

    def too_late(self) -> ConnectionDead:
        """Return the error for a transport that is not up at the deadline."""
        return ConnectionDead(f'no connection within {self._timeout:.3g} s: no {self.waiting_for}')

    @property
    def traced(self) -> bool:
        """Whether a frame tracer sees the sent frames. It runs on the thread that sends them."""
        connection = self.connection
        return connection is not None and connection.traced

    @property
    def unsent(self) -> int:
        """The number of bytes in the send buffer, before `data_to_send` fills it."""
        connection = self.connection
        return 0 if connection is None else connection.out.size

    def data_to_send(self) -> list[Buffer]:
        """Fill the send buffer, and return its bytes as pieces; an empty list if it is empty."""
        connection = self.connection
        if connection is None:
            return []
        if self._wanted:
            self._flush()
        return connection.out.pieces()

    def sent(self, count: int, now: float) -> None:
        """Record that the transport has accepted the first `count` bytes of `data_to_send`."""
        connection = self.connection
        if connection is not None:
            connection.sent(count, now)

    def end(self, now: float, latest: float = inf) -> None:
        """End the link; the driver then sends the remaining bytes, in bounded time.

        :param latest: the latest time for that
        """
        self._wanted = False
        self._over_at = min(now + LAST_BYTES_SECONDS_MAX, latest)

    def is_over(self, now: float) -> bool:
        """Whether the driver must close the transport."""
        return not self._wanted and (not self.unsent or now >= self._over_at)

    @property
    def over_at(self) -> float:
        """The time at which the driver must close the transport, even with unsent bytes."""
        return self._over_at
