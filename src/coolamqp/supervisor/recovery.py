"""Recovery: it restores topology and consumers on a new connection, in a safe order.

The persistent topology comes first, then the consumers with their queues. The publishers come last,
because a resent message must find its queue. If a step fails, the attach reports the error, and
recovery continues.
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
    """The recovery of one connection.

    :param attaches: returns the attaches to set up after the topology
    :param on_restored: called when the first set-up of each attach has succeeded or failed
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
        """Declare the topology, and then set up the attaches."""
        operations = self._operations = topology.operations(effects, self._on_declared)
        self._declarations = len(operations)
        declarer.submit_first(operations)
        declarer.attach(self._connection)
        if not operations:
            self._attach_all()

    def abandon(self, declarer: Declarer) -> None:
        """Stop: the connection is lost, and the next one has its own recovery."""
        declarer.withdraw(self._operations)

    def go_on(self) -> None:
        """Set up the attaches, even if some declarations are unanswered."""
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
