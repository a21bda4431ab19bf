"""The Cluster for programs with threads.

Each call checks its arguments in the caller's thread and becomes a command for the engine, which
the core hands over under the lock. Callbacks run on dispatcher threads. Here a Cluster begins and
ends; the other calls are in the classes that it is made of.
"""

from __future__ import annotations

from types import TracebackType
from typing import ClassVar, Self

from coolamqp.api.cluster import BaseCluster
from coolamqp.api.options import ClusterOptions
from coolamqp.api.requests import RequestCalls, check_timeout
from coolamqp.api.topology import TopologyCalls
from coolamqp.attaches.consumer_options import STOP_TIMEOUT
from coolamqp.clustering.consuming import Consuming
from coolamqp.clustering.core import ClusterCore
from coolamqp.clustering.future import ClusterFuture
from coolamqp.clustering.publishing import Publishing
from coolamqp.exceptions import ConnectionDead


class Cluster(
    Publishing,
    Consuming,
    TopologyCalls[ClusterFuture],
    RequestCalls[ClusterFuture],
    BaseCluster[ClusterFuture],
):
    """A connection to RabbitMQ that survives: CoolAMQP reconnects, and restores everything on it.

    All methods may be called from any thread, callbacks included.

    :param nodes: a `NodeDefinition`, a connection string, which may have several hosts, or a list
        of either in the order of preference
    :param on_fail: called once, the first time that an established connection is lost
    :param extra_properties: client properties to send in addition to ours
    :param log_frames: a frame tracer that sees every frame, see `coolamqp.tracing`
    :param name: the name of the connection, in log lines and in RabbitMQ's list of connections
    :param on_blocked: called with True when the broker blocks the connection for lack of memory or
        disk space, and with False when it unblocks the connection
    :param tracer: a tracer of OpenTelemetry, a provider of such tracers, or an OpenTracing tracer.
        It records a span for each call
    :param max_unconfirmed: how many messages may be unconfirmed; beyond it `publish` waits
    :param max_unconfirmed_bytes: their size in all, in bytes
    :param nack_timeout: for how many seconds to resend a message that the broker refuses
        (`basic.nack`), before its future fails with `MessageRefused`; 0 fails it at once
    :param all_events: whether `drain` returns all events of `coolamqp.clustering.events`; if
        not, it returns messages and `ConnectionLost`, as in CoolAMQP 1.x and 2.x
    :raises ValueError: there are no nodes, or a file for TLS cannot be used
    :raises RuntimeError: there is an OpenTracing tracer, but `opentracing` is not installed
    :ivar ST_LINK_LOST: 0; programs for CoolAMQP 1.x use this name
    :ivar ST_LINK_REGAINED: 1; programs for CoolAMQP 1.x use this name

    >>> cluster = Cluster(NodeDefinition('amqp://guest:guest@localhost/'), name='billing')
    """

    _core: ClusterCore

    ST_LINK_LOST: ClassVar[int] = 0
    ST_LINK_REGAINED: ClassVar[int] = 1

    def _make_core(self, options: ClusterOptions) -> None:
        if any(node.tls for node in options.nodes):
            from coolamqp.net.tls import check_contexts  # noqa: PLC0415 - few need ssl

            check_contexts(options.nodes)
        self._core = ClusterCore(options)

    # Beginning and end

    def start(self, wait: bool = True, timeout: float | None = 10.0) -> None:
        """Connect.

        :param wait: whether to wait until the Cluster is connected and restored
        :param timeout: how long to wait, in seconds; None waits without a limit
        :raises ConnectionDead: there is no connection in time, or all nodes have refused us; the
            error says why for each node. The Cluster is shut down then
        :raises RuntimeError: it was started before; or the system has no thread to spare, and the
            Cluster is shut down then
        """
        check_timeout(timeout)
        self._core.start()
        if wait:
            self._wait_until_up(timeout)

    def _wait_until_up(self, timeout: float | None) -> None:
        core = self._core
        with core.state_changed:
            core.state_changed.wait_for(core.start_has_ended, timeout)
        if self.connected:
            return
        with core.lock:
            error = core.no_connection(timeout)
        self.shutdown()
        raise error

    def wait_connected(self, timeout: float | None = None) -> bool:
        """Wait until there is a connection, with everything on it restored.

        :param timeout: seconds; None waits without a limit
        :returns: whether there is a connection
        :raises ConnectionDead: the Cluster was shut down, before or meanwhile
        """
        check_timeout(timeout)
        core = self._core
        core.check_may_wait()
        core.running()
        with core.state_changed:
            core.state_changed.wait_for(core.is_up_or_ending, timeout)
        if not core.engine.takes_commands:
            raise ConnectionDead('this Cluster was shut down')
        return self.connected

    def shutdown(self, wait: bool = True, timeout: float | None = STOP_TIMEOUT) -> None:
        """Shut down: cancel the consumers, send what is pending, and close the connection.

        No callback begins any more; messages that have not begun go back into their queues. Running
        callbacks may publish and settle their messages until they end. After them, the Cluster
        refuses all calls. All futures that are left at the end fail with `ConnectionDead`. A second
        call does nothing, except that it may shorten the timeout.

        :param wait: whether to wait for the end of the shutdown
        :param timeout: the time for the whole shutdown, in seconds; None for no limit
        :raises RuntimeError: it was never started
        """
        self._core.shutdown(wait, timeout)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.shutdown()
