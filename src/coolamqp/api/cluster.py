"""The part of a Cluster that tells of its state, the same for threads and for asyncio."""

from __future__ import annotations

from typing import Any, Generic

from coolamqp.api.commands import FutureT
from coolamqp.api.core import Core
from coolamqp.api.reporter import Fault
from coolamqp.objects import Callable as CallableList
from coolamqp.objects import NodeDefinition, ServerProperties


class ClusterState(Generic[FutureT]):
    """The state of a Cluster; everything here may be read from any thread."""

    _core: Core[FutureT, Any]

    @property
    def connected(self) -> bool:
        """Whether there is a connection, with everything on it restored."""
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
        """The broker's description of itself; None without a connection."""
        return self._core.engine.properties

    @property
    def node(self) -> NodeDefinition | None:
        """The node to which there is a connection, or to which one is being made."""
        return self._core.engine.node

    @property
    def faults(self) -> list[Fault]:
        """The last hundred connections that were lost or not made, the latest last."""
        return list(self._core.reporter.faults)

    @property
    def last_error(self) -> Exception | None:
        """The cause of the latest fault; None if there was none."""
        faults = self._core.reporter.faults
        return faults[-1].cause if faults else None

    @property
    def on_event(self) -> CallableList:
        """Functions that are called with each event but messages; `on_event.add(function)`."""
        return self._core.reporter.on_event

    @property
    def on_return(self) -> CallableList:
        """Functions that are called with `Returned` for each returned message without confirm."""
        return self._core.reporter.on_return
