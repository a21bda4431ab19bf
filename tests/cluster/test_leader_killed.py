"""The node of a queue's leader is killed. This is the short one of the tests with a cluster."""

from __future__ import annotations

import pytest

from tests.cluster.figures import Figures
from tests.cluster.traffic import checked_traffic
from tests.support.rabbitmq_cluster import RabbitMQCluster

pytestmark = [pytest.mark.integration, pytest.mark.rabbitmq_only, pytest.mark.timeout(300)]


def test_nothing_is_lost_and_nothing_fails(nodes: RabbitMQCluster, figures: Figures) -> None:
    with checked_traffic(nodes, figures) as traffic:
        leader = nodes.leader(traffic.consumed)
        with traffic.history.fault('leader killed'):
            leader.kill()
            traffic.await_flow()
        with traffic.history.fault('started again'):
            nodes.repair()
            traffic.await_flow()
