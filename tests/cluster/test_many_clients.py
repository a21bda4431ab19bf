"""Many clients lose their node at the same moment, and come back."""

from __future__ import annotations

import asyncio

import pytest

from coolamqp.objects import Message
from tests.support.crowd import Crowd
from tests.support.rabbitmq_cluster import RabbitMQCluster

pytestmark = [
    pytest.mark.integration,
    pytest.mark.rabbitmq_only,
    pytest.mark.cluster,
    pytest.mark.timeout(300),
]

CLIENTS = 200


async def test_all_clients_reconnect_to_another_node(nodes: RabbitMQCluster) -> None:
    async with Crowd(nodes.urls(), CLIENTS) as crowd:
        nodes.nodes[0].kill()
        await crowd.await_reconnect()
        await asyncio.gather(
            *(
                cluster.publish(Message(b'back'), routing_key='nowhere', confirm=True)
                for cluster in crowd.clusters
            )
        )
