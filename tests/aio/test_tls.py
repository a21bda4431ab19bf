"""TLS with a real RabbitMQ, spoken by the event loop; what each refusal says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from coolamqp.aio import Cluster
from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import Message, NodeDefinition, Queue
from tests.aio.support import PATIENCE, Collector, soon
from tests.integration.test_tls import TLSListeners
from tests.support.certificates import KEY_PASSWORD, Certificates
from tests.support.rabbitmq import RabbitMQNode

pytestmark = pytest.mark.integration


@pytest.fixture(scope='module')
def broker(certificates: Certificates) -> Iterator[TLSListeners]:
    with RabbitMQNode(config={'ssl_options.verify': 'verify_peer'}) as node:
        yield TLSListeners(node, certificates)


class Nodes:
    """Makes nodes on the port that takes everybody; with options that are to be others."""

    def __init__(self, broker: TLSListeners, certificates: Certificates) -> None:
        self._options = {
            'host': 'localhost',
            'port': broker.port,
            'user': broker.node.user,
            'password': broker.node.password,
            'cacertfile': certificates.authority,
            'connection_timeout': PATIENCE,
        }

    def make(self, **options: Any) -> NodeDefinition:
        return NodeDefinition(**{**self._options, **options})


@pytest.fixture
def nodes(broker: TLSListeners, certificates: Certificates) -> Nodes:
    return Nodes(broker, certificates)


async def why_not(node: NodeDefinition) -> str:
    """Try to connect, and give the reason why that is not possible."""
    with pytest.raises(ConnectionDead) as raised:
        await Cluster(node).start(timeout=None)
    return str(raised.value)


@pytest.mark.parametrize('size', [0, 1, 16 * 1024, 5_000_000])
@pytest.mark.usefixtures('nodes', 'no_leaks')
async def test_bodies_of_all_sizes_go_there_and_back(nodes: Nodes, size: int) -> None:
    collector, body = Collector(), bytes(range(256)) * (size // 256) + bytes(size % 256)
    async with Cluster(nodes.make()) as cluster:
        await soon(cluster.consume(Queue('q', auto_delete=True), collector)[1])
        messages = [Message(body)] * 5
        await soon(asyncio.gather(*cluster.publish_many(messages, routing_key='q')))
        await collector.wait_for(5)
    assert collector.bodies == [body] * 5


async def test_a_broker_may_want_a_certificate_of_ours(
    nodes: Nodes, broker: TLSListeners, certificates: Certificates
) -> None:
    assert 'certificate' in await why_not(nodes.make(port=broker.strict))
    node = nodes.make(
        port=broker.strict,
        certfile=certificates.client,
        keyfile=certificates.client_key,
        key_password=KEY_PASSWORD,
    )
    async with Cluster(node) as cluster:
        assert cluster.connected


@pytest.mark.usefixtures('nodes', 'no_leaks')
async def test_what_is_refused_says_why(
    nodes: Nodes, broker: TLSListeners, certificates: Certificates
) -> None:
    stranger = nodes.make(cacertfile=certificates.stranger)
    assert 'authority that is not trusted' in await why_not(stranger)
    assert 'has expired' in await why_not(nodes.make(port=broker.expired))
    assert 'is not for localhost' in await why_not(nodes.make(port=broker.elsewhere))
    assert 'does not speak TLS' in await why_not(nodes.make(port=broker.node.port))


async def test_a_name_may_be_another_or_none(nodes: Nodes, broker: TLSListeners) -> None:
    for options in ({'server_name_indication': 'elsewhere.example'}, {'verify': 'verify_none'}):
        async with Cluster(nodes.make(port=broker.elsewhere, **options)) as cluster:
            assert cluster.connected


async def test_a_file_that_is_not_there_is_told_at_once(nodes: Nodes) -> None:
    with pytest.raises(ValueError, match='cacertfile'):
        Cluster(nodes.make(cacertfile='/not/there'))
