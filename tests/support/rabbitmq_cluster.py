"""Three RabbitMQ nodes that form a cluster, each behind a proxy.

This module starts the nodes together and joins them, and causes the faults that are between nodes.
`RabbitMQNode` causes the faults of one node, `FaultProxy` those between a client and a node.
"""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Self

from tests.support.proxy import FaultProxy
from tests.support.rabbitmq import RabbitMQFailed, RabbitMQNode

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMES = ('a', 'b', 'c')
QUORUM_TIMEOUT = 60.0  # seconds
ALL_LINES = 1_000_000
KHEPRI = (4, 2)  # the first version whose new clusters use it

# RabbitMQ recommends pause_minority for a cluster of three: https://www.rabbitmq.com/docs/partitions
# Nodes notice a silent node after the net tick time, by default a minute:
# https://www.rabbitmq.com/docs/nettick
_CONFIG = {'cluster_partition_handling': 'pause_minority', 'net_ticktime': '8'}

# The other nodes join the first one when they start for the first time. `rabbitmqctl join_cluster`
# does the same in 20 seconds more.
_JOIN = {
    'cluster_formation.peer_discovery_backend': 'classic_config',
    'cluster_formation.classic_config.nodes.1': f'{NAMES[0]}@localhost',
}

_LEADER = re.compile(
    r"^(\S+ \S+) \[\w+\] <[\d.]+> queue '(.+)' in vhost '/': \S+ -> leader in term", re.MULTILINE
)


class RabbitMQCluster:
    """Three nodes of one cluster. It is a context manager, which starts and closes them.

    :ivar nodes: the nodes
    :ivar proxies: the proxy before each node, in the same order
    """

    def __init__(self) -> None:
        first = RabbitMQNode(name=NAMES[0], config=_CONFIG)
        others = [RabbitMQNode(name=name, peer=first, config=_CONFIG | _JOIN) for name in NAMES[1:]]
        self.nodes = [first, *others]
        self.proxies: list[FaultProxy] = []
        self._frozen: set[RabbitMQNode] = set()
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        with self._exits:
            first, *others = self.nodes
            for node in self.nodes:
                self._exits.callback(node.close)
            first.start()  # It starts epmd for all.
            self.start(others)
            for node in self.nodes:
                # Not earlier: another process could take the free port meanwhile.
                self.proxies.append(self._exits.enter_context(FaultProxy(node.host, node.port)))
            self._exits = self._exits.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    def start(self, nodes: Iterable[RabbitMQNode]) -> None:
        """Start nodes at the same time: after a stop of several, each may wait for the others."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(RabbitMQNode.start, nodes))

    def urls(self, first: int = 0) -> list[str]:
        """Return the addresses of the proxies, beginning with that of node number `first`."""
        urls = [
            f'amqp://{node.user}:{node.password}@{proxy.host}:{proxy.port}/'
            for node, proxy in zip(self.nodes, self.proxies, strict=True)
        ]
        return urls[first:] + urls[:first]

    def others(self, node: RabbitMQNode) -> list[RabbitMQNode]:
        """Return the other nodes."""
        return [each for each in self.nodes if each is not node]

    # -- faults

    def isolate(self, node: RabbitMQNode) -> None:
        """Cut a node off from the other nodes, but not from its clients.

        The node gets a wrong cookie for the others, so that they refuse each other's connections.
        That needs no root and no firewall, and is the same on all versions. Both sides notice it
        at once; to cut a node off without a sign, freeze it. It loses both at the same time: Erlang
        would extend a partition between two of three nodes to all of them.
        """
        node.eval(
            '[erlang:set_cookie(Node, isolated) || Node <- nodes()], '
            '[erlang:disconnect_node(Node) || Node <- nodes()]'
        )

    def freeze(self, node: RabbitMQNode) -> None:
        """Suspend a node, and let `repair` restart it.

        The others remove a node that is silent for longer than the net tick time, and Mnesia does
        not let it come back before a restart: https://www.rabbitmq.com/docs/partitions
        """
        self._frozen.add(node)
        node.freeze()

    def heal(self, node: RabbitMQNode) -> None:
        """Let an isolated node connect to the others again."""
        for other in self.others(node):
            node.eval(f"erlang:set_cookie('{other.name}', erlang:get_cookie())")

    # -- state

    @property
    def version(self) -> tuple[int, ...]:
        """The version of RabbitMQ."""
        return self.nodes[0].version

    @property
    def pauses_minority(self) -> bool:
        """Whether an isolated node closes the connections of its clients.

        It does so with Mnesia. With Khepri, it keeps them and confirms nothing:
        https://www.rabbitmq.com/docs/partitions
        """
        return self.version < KHEPRI

    def leader(self, queue: str) -> RabbitMQNode:
        """Return the node with the leader of a quorum queue."""
        answer = next(node for node in self.nodes if node.running).eval(
            f"ra_leaderboard:lookup_leader('%2F_{queue}')"
        )
        for node in self.nodes:
            if node.name in answer:
                return node
        raise RabbitMQFailed(f'queue {queue!r} has no leader: {answer}')

    def await_quorum(self, node: RabbitMQNode) -> None:
        """Wait until all quorum queues have a majority even without this node.

        A node that was isolated cannot tell before it has started again.
        """
        deadline = time.monotonic() + QUORUM_TIMEOUT
        while not self._has_quorum_without(node):
            if time.monotonic() > deadline:
                raise RabbitMQFailed(f'without {node.name}, queues would have no majority')
            time.sleep(0.1)

    def _has_quorum_without(self, node: RabbitMQNode) -> bool:
        try:
            answer = node.eval('rabbit_upgrade_preparation:await_online_quorum_plus_one(1000)')
        except RabbitMQFailed:
            return False
        return answer == 'true'

    def elections(self, queue: str) -> list[float]:
        """Return the times at which nodes became the leader of a quorum queue, as of the epoch."""
        return sorted(
            datetime.fromisoformat(when).timestamp()
            for node in self.nodes
            for when, name in _LEADER.findall(node.log(ALL_LINES))
            if name == queue
        )

    def repair(self) -> None:
        """Undo all faults. Return when all nodes are running, with all replicas of all queues."""
        while self._frozen:
            self._frozen.pop().kill()
        self.start([node for node in self.nodes if not node.running])
        for proxy in self.proxies:
            proxy.accept()
        for node in self.nodes:
            self.heal(node)
        for node in self.nodes:
            node.await_startup()
            self.await_quorum(node)
