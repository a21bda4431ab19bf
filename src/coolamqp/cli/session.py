"""A session: what a command that uses a broker has: its nodes, its output and its time-out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from coolamqp.cli.address import find_nodes
from coolamqp.cli.output import Output
from coolamqp.clustering import Cluster
from coolamqp.clustering.future import ClusterFuture
from coolamqp.objects import NodeDefinition


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
        cluster = Cluster(nodes, name=self.name, **options)
        cluster.start(timeout=self.timeout)
        try:
            yield cluster
        finally:
            cluster.shutdown(timeout=self.timeout)

    def wait(self, future: ClusterFuture) -> Any:
        """Wait for an answer of the broker."""
        return future.result(self.timeout)
