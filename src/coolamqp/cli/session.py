"""A session: what a command that uses a broker has: its nodes, its output and its time-out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from coolamqp.cli.address import find_nodes
from coolamqp.cli.errors import connect_failure
from coolamqp.cli.output import Output
from coolamqp.clustering import Cluster
from coolamqp.clustering.events import ConnectionLost, Event, TopologyRestored
from coolamqp.clustering.future import ClusterFuture
from coolamqp.exceptions import AMQPError, ConnectionDead
from coolamqp.objects import NodeDefinition
from coolamqp.reply_codes import NOT_ALLOWED, NOT_IMPLEMENTED

# Reply codes that end a connection because of a call, which fails with the same error.
OF_CALLS: Final = (NOT_ALLOWED, NOT_IMPLEMENTED)


@dataclass
class Session:
    """The surroundings of a command.

    :ivar name: the name of the command, which RabbitMQ shows for the connection
    :ivar url: the option --url
    :ivar context: the option --context
    :ivar timeout: the time to wait for a connection or an answer, in seconds
    :ivar output: the output of the command
    """

    name: str
    url: str | None
    context: str | None
    timeout: float
    output: Output
    _shows_loss: bool = field(default=False, init=False)

    @contextmanager
    def cluster(
        self, nodes: list[NodeDefinition] | None = None, **options: Any
    ) -> Iterator[Cluster]:
        """Connect during a `with` block.

        :param nodes: other nodes than those of the options
        :param options: options of the Cluster
        """
        if nodes is None:
            nodes = find_nodes(self.url, self.context)
        cluster = Cluster(nodes, name=self.name, on_blocked=self._on_blocked, **options)
        try:
            self._start(cluster)
            cluster.on_event.add(self._on_event)
            yield cluster
        finally:
            if cluster.started:
                cluster.shutdown(timeout=self.timeout)

    def _start(self, cluster: Cluster) -> None:
        try:
            cluster.start(timeout=self.timeout)
        except ConnectionDead as error:
            raise connect_failure(error, cluster.last_error) from error

    def _on_event(self, event: Event) -> None:
        if isinstance(event, ConnectionLost) and event.cause is not None:
            code = event.cause.reply_code if isinstance(event.cause, AMQPError) else None
            self._shows_loss = code not in OF_CALLS
            if self._shows_loss:
                self.output.note(
                    f'lost the connection to {event.node}: {event.cause}; trying again'
                )
        elif isinstance(event, TopologyRestored) and self._shows_loss:
            self.output.note(f'connected to {event.node} again')

    def _on_blocked(self, blocked: bool) -> None:
        state = 'takes no messages now: it is short of memory or disk space'
        self.output.note(f'the broker {state if blocked else "takes messages again"}')

    def wait(self, future: ClusterFuture) -> Any:
        """Wait for an answer of the broker."""
        return future.result(self.timeout)
