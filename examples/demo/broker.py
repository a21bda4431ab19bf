"""The broker of the demo: a private node of its own, or the one that AMQP_URL names.

Knows how to disturb each of them once: the private node is restarted, while the connections to a
node that is not ours to restart are cut on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from coolamqp.objects import NodeDefinition
from tests.support.proxy import FaultProxy
from tests.support.rabbitmq import RabbitMQNode


@dataclass(frozen=True)
class Broker:
    """A broker to send through.

    :ivar disturbance: what `disturb` does, in words
    :ivar disturb: breaks every connection once, and returns when new ones can be made
    """

    node: NodeDefinition
    disturbance: str
    disturb: Callable[[], None]


@contextmanager
def private_broker() -> Iterator[Broker]:
    """Run Debian's RabbitMQ on a free loopback port, in a temporary folder, while this lasts.

    :raises RabbitMQMissing: it is not installed
    :raises RabbitMQFailed: it does not start
    """
    with RabbitMQNode() as node:
        yield Broker(NodeDefinition(node.url()), 'restarting the node', node.restart)


@contextmanager
def given_broker(url: str) -> Iterator[Broker]:
    """Reach the broker at `url` by way of a proxy on loopback, which can cut the connections.

    :raises ValueError: the URL makes no sense
    """
    target = NodeDefinition(url)
    with FaultProxy(target.host, target.port) as proxy:
        node = NodeDefinition(url, host=proxy.host, port=proxy.port, **_name_to_expect(target))
        yield Broker(node, 'cutting every connection', proxy.cut)


def _name_to_expect(target: NodeDefinition) -> dict[str, str]:
    """Name the broker, whose certificate is seen through the proxy and is not for its address."""
    if target.tls is None:
        return {}
    return {'server_name_indication': target.tls.server_name_indication or target.host}
