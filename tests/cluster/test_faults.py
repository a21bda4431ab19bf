"""Faults of each node, and of several nodes: nothing is lost, and nothing fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from tests.cluster.figures import Figures
from tests.cluster.traffic import checked_traffic
from tests.support.rabbitmq import RabbitMQNode
from tests.support.rabbitmq_cluster import RabbitMQCluster

pytestmark = [
    pytest.mark.integration,
    pytest.mark.rabbitmq_only,
    pytest.mark.cluster,
    pytest.mark.timeout(300),
]

FaultOfNode: TypeAlias = Callable[[RabbitMQCluster, int], None]


def cut_off_from_clients(nodes: RabbitMQCluster, number: int) -> None:
    """Drop all packets between a node and its clients, without a sign, and refuse new clients."""
    nodes.proxies[number].drop()
    nodes.proxies[number].refuse()


FAULTS: dict[str, FaultOfNode] = {
    'killed': lambda nodes, number: nodes.nodes[number].kill(),
    'stopped': lambda nodes, number: nodes.nodes[number].stop(),
    'frozen': lambda nodes, number: nodes.freeze(nodes.nodes[number]),
    'isolated': lambda nodes, number: nodes.isolate(nodes.nodes[number]),
    'cut off from clients': cut_off_from_clients,
}


@pytest.mark.parametrize('number', [0, 1, 2], ids='abc')
@pytest.mark.parametrize('fault', FAULTS)
def test_fault_of_one_node(
    nodes: RabbitMQCluster, figures: Figures, fault: str, number: int
) -> None:
    if fault == 'frozen' and number == 0 and nodes.version < (4,):
        pytest.skip('RabbitMQ 3.10 asks the frozen leader at each message on a new channel')
    with checked_traffic(nodes, figures) as traffic:
        with traffic.history.fault(f'{nodes.nodes[number].name} {fault}'):
            FAULTS[fault](nodes, number)
            if fault != 'isolated' or nodes.pauses_minority:
                traffic.await_flow()
        with traffic.history.fault('repaired'):
            nodes.repair()
            traffic.await_flow()


def test_rolling_restart(nodes: RabbitMQCluster, figures: Figures) -> None:
    with checked_traffic(nodes, figures) as traffic:
        for node in nodes.nodes:
            nodes.await_quorum(node)
            with traffic.history.fault(f'{node.name} restarted'):
                node.restart()
                traffic.await_flow()


@pytest.mark.parametrize('fault', [RabbitMQNode.kill, RabbitMQNode.stop])
def test_two_of_three_nodes_are_lost_and_come_back(
    nodes: RabbitMQCluster, figures: Figures, fault: Callable[[RabbitMQNode], None]
) -> None:
    if fault is RabbitMQNode.kill and nodes.version >= (4, 3):
        pytest.skip('RabbitMQ 4.3 may leave the third replica of a queue behind for ever')
    name = f'two nodes lost: {fault.__name__}'
    with checked_traffic(nodes, figures) as traffic, traffic.history.fault(name):
        for node in nodes.nodes[:2]:
            fault(node)
        nodes.repair()
        traffic.await_flow()
