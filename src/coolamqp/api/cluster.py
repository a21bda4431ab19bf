"""The state of a Cluster, for threads and for asyncio."""

from __future__ import annotations

from typing import Any, Generic

from coolamqp.api.commands import FutureT
from coolamqp.api.core import Core
from coolamqp.api.reporter import Fault
from coolamqp.objects import Callable as CallableList
from coolamqp.objects import NodeDefinition, ServerProperties


class ClusterState(Generic[FutureT]):
    """The state of a Cluster. Any thread may read it."""

    _core: Core[FutureT, Any]

    @property
    def connected(self) -> bool:
        """Whether there is a connection, and CoolAMQP has restored topology and consumers on it."""
        return self._core.connected

    @property
    def started(self) -> bool:
        """Whether `start` was called."""
        return self._core.driver is not None

    def is_shutdown(self) -> bool:
        """Whether the Cluster was started and shut down."""
        return self.started and self._core.stopped

    @property
    def properties(self) -> ServerProperties | None:
        """The server properties of the broker; None without a connection."""
        return self._core.engine.properties

    @property
    def node(self) -> NodeDefinition | None:
        """The node that the Cluster is connected to, or connects to; None during a pause."""
        return self._core.engine.node

    @property
    def faults(self) -> list[Fault]:
        """The latest hundred faults, the newest last."""
        return list(self._core.reporter.faults)

    @property
    def last_error(self) -> Exception | None:
        """The cause of the latest fault; None if there was none."""
        faults = self._core.reporter.faults
        return faults[-1].cause if faults else None

    @property
    def on_event(self) -> CallableList:
        """The hooks for events.

        Dispatcher threads (tasks with asyncio) call each with every event except messages.

        >>> cluster.on_event.add(print)  # doctest: +SKIP
        """
        return self._core.reporter.on_event

    @property
    def on_return(self) -> CallableList:
        """The hooks for returned messages that were published without a confirm.

        Dispatcher threads (tasks with asyncio) call each with a `Returned`.

        >>> cluster.on_return.add(lambda returned: print(returned.message))  # doctest: +SKIP
        """
        return self._core.reporter.on_return
