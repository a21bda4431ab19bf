"""Many clients of one broker, on one event loop, and the times of their tries to connect."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Self

from coolamqp.aio import Cluster
from coolamqp.aio.events import ConnectionEstablished

if TYPE_CHECKING:
    from coolamqp.aio.events import Event

TIMEOUT = 60.0  # seconds, until all clients are connected


class Crowd:
    """Clients that are connected at the start of a block.

    :param urls: the addresses of the nodes
    :ivar connections: the times at which a connection was made, in seconds since the epoch
    """

    def __init__(self, urls: list[str], clients: int) -> None:
        self.clusters = [Cluster(urls) for _ in range(clients)]
        self.connections: list[float] = []
        self._all_came_back = asyncio.Event()

    async def __aenter__(self) -> Self:
        for cluster in self.clusters:
            cluster.on_event.add(self._on_event)
        await asyncio.gather(*(each.start(timeout=TIMEOUT) for each in self.clusters))
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(each.shutdown() for each in self.clusters))

    async def await_reconnect(self) -> None:
        """Wait until each client has a second connection."""
        await asyncio.wait_for(self._all_came_back.wait(), TIMEOUT)

    @property
    def failures(self) -> list[float]:
        """The times of the failed tries."""
        return [
            fault.when.timestamp()
            for cluster in self.clusters
            for fault in list(cluster.faults)[1:]  # the first one is the loss
        ]

    def _on_event(self, event: Event) -> None:
        if isinstance(event, ConnectionEstablished):
            self.connections.append(time.time())
            if len(self.connections) == 2 * len(self.clusters):
                self._all_came_back.set()
