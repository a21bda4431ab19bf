"""The broker of the demo: the embedded one, a private RabbitMQ, or the one of AMQP_URL.

The demo disturbs it once. It restarts its own broker. It cannot restart that of AMQP_URL, so it
cuts the connections to it in a proxy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import coolamqp.broker
from coolamqp.objects import NodeDefinition
from tests.support.proxy import FaultProxy
from tests.support.rabbitmq import RabbitMQNode


@dataclass(frozen=True)
class Broker:
    """A broker for the demo.

    :ivar disturbance: a description of `disturb`
    :ivar disturb: ends all connections once, and returns when the broker accepts new ones
    """

    node: NodeDefinition
    disturbance: str
    disturb: Callable[[], None]


@contextmanager
def embedded_broker() -> Iterator[Broker]:
    """Run the embedded broker during a `with` block."""
    with coolamqp.broker.Broker() as broker:
        yield Broker(NodeDefinition(broker.url), 'restarting the broker', broker.restart)


@contextmanager
def private_rabbitmq() -> Iterator[Broker]:
    """Run Debian's RabbitMQ on a free loopback port, in a temporary folder, during a `with` block.

    :raises RabbitMQMissing: it is not installed
    :raises RabbitMQFailed: it does not start
    """
    with RabbitMQNode() as node:
        yield Broker(NodeDefinition(node.url()), 'restarting the node', node.restart)


@contextmanager
def given_broker(url: str) -> Iterator[Broker]:
    """Connect to the broker at `url` through a proxy on loopback, which can cut connections.

    :raises ValueError: the URL is not valid
    """
    target = NodeDefinition(url)
    with FaultProxy(target.host, target.port) as proxy:
        node = NodeDefinition(url, host=proxy.host, port=proxy.port, **_name_to_expect(target))
        yield Broker(node, 'cutting every connection', proxy.cut)


def _name_to_expect(target: NodeDefinition) -> dict[str, str]:
    """Return the name in the certificate of the broker, which differs from that of the proxy."""
    if target.tls is None:
        return {}
    return {'server_name_indication': target.tls.server_name_indication or target.host}
