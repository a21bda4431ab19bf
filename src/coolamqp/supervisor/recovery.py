"""Recovery: it restores topology and consumers on a new connection, in a safe order.

The persistent topology comes first, then the consumers with their queues. The publishers come last,
because a resent message must find its queue. If a step fails, the attach reports the error, and
recovery continues.
"""

from __future__ import annotations

from collections.abc import Callable

from coolamqp.attaches.channeler import Channeler
from coolamqp.attaches.effects import Effects
from coolamqp.supervisor.declarations import Declarations
from coolamqp.supervisor.registry import Registry
from coolamqp.supervisor.topology import Topology
from coolamqp.timers import Timers
from coolamqp.uplink.connection import Connection
from coolamqp.uplink.states import ConnectionState


class Recovery:
    """The recovery of one connection.

    :param on_attached: called when the first set-up of each attach has ended
    :param on_restored: called once, when in addition the broker has answered each declaration, and
        no persistent object is locked
    """

    def __init__(
        self,
        connection: Connection,
        registry: Registry,
        topology: Topology,
        effects: Effects,
        timers: Timers,
        on_attached: Callable[[], None],
        on_restored: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._registry = registry
        self._topology = topology
        self._declarations = Declarations(
            registry.declarer, topology, effects, timers, self._on_declared, self._check_restored
        )
        self._on_attached = on_attached
        self._on_restored = on_restored
        self._awaited: set[Channeler] = set()
        self._attached = False
        self._restored = False

    def begin(self) -> None:
        """Declare the topology, and then set up the attaches."""
        self._registry.declarer.attach(self._connection)
        self._declarations.begin(self._topology.subjects(self._registry.declared_queues()))

    def abandon(self) -> None:
        """Stop: the connection is lost, and the next one has its own recovery."""
        self._declarations.abandon()

    def go_on(self) -> None:
        """Set up the attaches, even if some declarations are unanswered; report locked objects."""
        self._declarations.report_locked()
        self._attach_all()

    def _on_declared(self) -> None:
        self._attach_all()
        self._check_restored()

    def _attach_all(self) -> None:
        if self._attached or self._connection.state is not ConnectionState.OPEN:
            return
        self._attached = True
        attaches = self._registry.begin_recovery(self._connection)
        self._awaited = set(attaches)
        for attach in attaches:
            attach.on_first_set_up = self._on_first_set_up
            attach.attach(self._connection)

    def _on_first_set_up(self, attach: Channeler) -> None:
        self._awaited.discard(attach)
        if not self._awaited:
            self._on_attached()
            self._check_restored()

    def _check_restored(self) -> None:
        complete = self._attached and not self._awaited and not self._declarations.pending
        if complete and not self._restored:
            self._restored = True
            self._on_restored()
