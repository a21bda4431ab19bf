"""The choice of the next address of a node, and of the time to try it.

A host name may have several addresses. Each one has a head start of a quarter of a second; then the
next one is tried, too, and the first one that answers is used (RFC 8305, "Happy Eyeballs"). The
choice remembers earlier tries. The address of the last connection goes first. After a handshake
that has failed, the next try begins with the next address.
"""

from __future__ import annotations

from itertools import zip_longest
from math import inf
from typing import Any, Final, TypeAlias

# An item of the result of `getaddrinfo`. The first field is the address family.
Address: TypeAlias = tuple[Any, ...]

# The head start of an address, in seconds (RFC 8305, section 8: Connection Attempt Delay).
HEAD_START_SECONDS: Final = 0.25
HEAD_START_SECONDS_MAX: Final = 2.0


class AddressChoice:
    """The choice among the addresses of one node.

    :ivar due_at: the time at which the next address is to be tried; inf for never
    """

    def __init__(self) -> None:
        self.due_at = inf
        self._addresses: list[Address] = []
        self._untried: list[Address] = []
        self._reached: Address | None = None  # in the present try
        self._first: Address | None = None  # in the next try
        self._failures = 0  # failed handshakes since the last connection

    def begin(self, addresses: list[Address], now: float) -> None:
        """Begin a try, with the addresses that the name has now."""
        ordered = _alternate(addresses)
        start = ordered.index(self._first) if self._first in ordered else 0
        self._addresses = ordered[start:] + ordered[:start]
        self._untried = list(self._addresses)
        self._reached = None
        self.due_at = now

    def take(self, now: float) -> Address | None:
        """Return the next address to try, and begin its head start; None if all were tried."""
        address = self._untried.pop(0) if self._untried else None
        self.due_at = now + self._head_start() if self._untried else inf
        return address

    def _head_start(self) -> float:
        # It grows, so that a quick address without a broker does not win against a slow one for
        # ever.
        return min(HEAD_START_SECONDS * 2.0**self._failures, HEAD_START_SECONDS_MAX)

    def on_reached(self, address: Address) -> None:
        """Record that an address has answered. The other ones are not tried any more."""
        self._reached = address
        self._untried.clear()
        self.due_at = inf

    def share(self, seconds: float) -> float:
        """Return how many of the seconds for a handshake the present address may have.

        An address that accepts connections and stays silent must leave time for the other ones.
        """
        return seconds / max(len(self._addresses) - self._failures, 1)

    def on_failed(self) -> None:
        """Record that the try has failed. If an address had answered, the next one is first."""
        self._untried.clear()
        self.due_at = inf
        if self._reached is not None:
            following = self._addresses.index(self._reached) + 1
            self._first = self._addresses[following % len(self._addresses)]
            self._failures += 1

    def on_restored(self) -> None:
        """Record that the connection is restored. Its address is the first one from now on."""
        self._first = self._reached
        self._failures = 0


def _alternate(addresses: list[Address]) -> list[Address]:
    """Return the addresses with their families in alternation (RFC 8305, section 4)."""
    families: dict[object, list[Address]] = {}
    for address in dict.fromkeys(addresses):
        families.setdefault(address[0], []).append(address)
    rounds = zip_longest(*families.values())
    return [address for each in rounds for address in each if address is not None]
