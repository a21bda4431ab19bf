"""What the Clusters for threads and for asyncio share: their options, and their state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic

from coolamqp.api.commands import FutureT
from coolamqp.api.core import Core
from coolamqp.api.options import ClusterOptions
from coolamqp.api.reporter import Fault
from coolamqp.attaches.publisher import NACK_TIMEOUT
from coolamqp.framing.field_table import Arguments
from coolamqp.objects import Callable as CallableList
from coolamqp.objects import NodeDefinition, ServerProperties
from coolamqp.objects.node import Nodes, nodes_of
from coolamqp.supervisor.stats import UNCONFIRMED_AGE_MAX, Health, Stats, health_of
from coolamqp.supervisor.window import MAX_UNCONFIRMED, MAX_UNCONFIRMED_BYTES
from coolamqp.telemetry import observe
from coolamqp.tracing import BaseFrameTracer
from coolamqp.uplink.tuning import Limits


class BaseCluster(ABC, Generic[FutureT]):
    """A Cluster, without its calls. Its state may be read from any thread.

    :ivar name: the name, or 'CoolAMQP'
    """

    _core: Core[FutureT, Any]

    def __init__(
        self,
        nodes: Nodes,
        on_fail: Callable[[], Any] | None = None,
        extra_properties: Arguments = None,
        log_frames: BaseFrameTracer | None = None,
        name: str | None = None,
        on_blocked: Callable[[bool], Any] | None = None,
        tracer: Any = None,
        *,
        max_unconfirmed: int = MAX_UNCONFIRMED,
        max_unconfirmed_bytes: int = MAX_UNCONFIRMED_BYTES,
        nack_timeout: float = NACK_TIMEOUT,
        all_events: bool = False,
    ) -> None:
        self.name = name or 'CoolAMQP'
        self._make_core(
            ClusterOptions(
                nodes=nodes_of(nodes),
                name=self.name,
                extra_properties=extra_properties,
                log_frames=log_frames,
                on_fail=on_fail,
                on_blocked=on_blocked,
                max_unconfirmed=max_unconfirmed,
                max_unconfirmed_bytes=max_unconfirmed_bytes,
                nack_timeout=nack_timeout,
                all_events=all_events,
                tracer=tracer,
            )
        )
        observe(self)

    def __del__(self) -> None:
        core: Core[FutureT, Any] | None = self.__dict__.get('_core')
        if core is not None:  # or making it has failed
            core.warn_if_running()

    @abstractmethod
    def _make_core(self, options: ClusterOptions) -> None:
        """Make the core, and check the files for TLS."""

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
    def limits(self) -> Limits | None:
        """The limits negotiated with the broker; None without a connection."""
        return self._core.engine.limits

    @property
    def node(self) -> NodeDefinition | None:
        """The node that the Cluster is connected to, or connects to; None during a pause."""
        return self._core.engine.node

    def stats(self) -> Stats:
        """Return the statistics: counters and states of the connection, publishing and consuming.

        It is cheap, and any thread may call it at any time.

        :raises TimeoutError: with asyncio and from another thread: the event loop does not answer

        >>> cluster.stats().published
        0
        """
        return self._core.stats()

    def health(self, unconfirmed_age_max: float | None = UNCONFIRMED_AGE_MAX) -> Health:
        """Return whether the Cluster can do its work now, such as for a readiness probe.

        The result is true if there is a connection that the broker does not block, all consumers
        are online, and no message is unconfirmed for too long. Otherwise `str()` says what is
        wrong. Any thread may call it at any time.

        :param unconfirmed_age_max: the greatest age of an unconfirmed message, in seconds; None for
            no limit
        :raises TimeoutError: see `stats`

        >>> str(cluster.health())
        'there is no connection to a broker (state: idle)'
        """
        return health_of(self.stats(), unconfirmed_age_max)

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
