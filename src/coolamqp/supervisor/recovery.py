"""Recovery: putting topology and consumers back in place on a new connection, in a safe order.

First comes the persistent topology, then the consumers with their queues. Only then do publishers
go on: a message that is sent again must find its queue. A failure on the way is reported by the
attach that it concerns, and holds up nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from coolamqp.attaches.channeler import Channeler
from coolamqp.attaches.declarer import Declarer
from coolamqp.attaches.effects import Effects
from coolamqp.attaches.operation import Operation
from coolamqp.supervisor.topology import Topology
from coolamqp.uplink.connection import Connection


class Recovery:
    """Recovers one connection.

    :param attaches: returns the attaches that begin once the topology is in place
    :param on_restored: called when the first link of each has ended
    """

    def __init__(
        self,
        connection: Connection,
        attaches: Callable[[], list[Channeler]],
        on_restored: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._attaches = attaches
        self._on_restored = on_restored
        self._operations: list[Operation] = []
        self._declarations = 0
        self._awaited: set[Channeler] = set()
        self._attached = False

    def begin(self, declarer: Declarer, topology: Topology, effects: Effects) -> None:
        """Declare the topology, and go on from there."""
        operations = self._operations = topology.operations(effects, self._on_declared)
        self._declarations = len(operations)
        declarer.submit_first(operations)
        declarer.attach(self._connection)
        if not operations:
            self._attach_all()

    def abandon(self, declarer: Declarer) -> None:
        """Stop: the connection is gone, and the next one has a recovery of its own."""
        declarer.withdraw(self._operations)

    def go_on(self) -> None:
        """Start the attaches, even if not everything has been declared yet."""
        if not self._attached:
            self._attach_all()

    def _on_declared(self) -> None:
        self._declarations -= 1
        if self._declarations == 0:
            self.go_on()

    def _attach_all(self) -> None:
        self._attached = True
        attaches = self._attaches()
        self._awaited = set(attaches)
        for attach in attaches:
            attach.on_first_set_up = self._on_first_set_up
            attach.attach(self._connection)
        if not attaches:
            self._on_restored()

    def _on_first_set_up(self, attach: Channeler) -> None:
        self._awaited.discard(attach)
        if not self._awaited:
            self._on_restored()
