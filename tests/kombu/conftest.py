"""Connections of Kombu, by CoolAMQP and by py-amqp. The tests of both must have the same result."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import kombu
import pytest

import coolamqp.kombu  # noqa: F401 - it makes its connection strings known
from tests.support.nodes import BrokerNode
from tests.support.rabbitmq import RabbitMQNode

Connect: TypeAlias = Callable[..., Any]

TIMEOUT = 10.0  # seconds

_numbers = itertools.count(1)


@pytest.fixture(params=['coolamqp', 'pyamqp'])
def scheme(request: pytest.FixtureRequest) -> str:
    """The scheme of a transport."""
    return str(request.param)


@pytest.fixture
def url(scheme: str, broker_url: str) -> str:
    """The address of this test's virtual host, for one of the transports."""
    return broker_url.replace('amqp', scheme, 1)


@pytest.fixture
def ours(broker_url: str) -> str:
    """The address of this test's virtual host, for the transport of CoolAMQP."""
    return broker_url.replace('amqp', 'coolamqp', 1)


@pytest.fixture
def restarting(scheme: str, rabbitmq: BrokerNode) -> BrokerNode:
    """The broker of a test that restarts it."""
    if scheme == 'pyamqp' and isinstance(rabbitmq, RabbitMQNode):
        pytest.skip('RabbitMQ restarts slowly; py-amqp does this with the embedded broker')
    return rabbitmq


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Make connections, and close them with the test."""
    made: list[Any] = []

    def connect(url: str, **options: Any) -> Any:
        connection = kombu.Connection(url, **options)
        made.append(connection)
        return connection

    yield connect
    for connection in made:
        connection.release()


@pytest.fixture
def connection(connect: Connect, url: str) -> Any:
    """A connection by one of the transports."""
    return connect(url)


@pytest.fixture
def channel(connection: Any) -> Any:
    """A channel of it."""
    return connection.channel()


@pytest.fixture
def queue(channel: Any) -> Any:
    """A queue that is declared and empty."""
    queue = kombu.Queue(f'queue-{next(_numbers)}', auto_delete=False)(channel)
    queue.declare()
    return queue


def publish(channel: Any, queue: Any, *bodies: object, **options: Any) -> None:
    """Publish messages to a queue."""
    producer = kombu.Producer(channel)
    for body in bodies:
        producer.publish(body, routing_key=queue.name, **options)


def drain(connection: Any, until: Callable[[], object]) -> None:
    """Drain events until a condition holds."""
    while not until():
        connection.drain_events(timeout=TIMEOUT)


def get(queue: Any) -> Any:
    """Take a message from a queue that must have one; acknowledge it."""
    message = queue.get()
    assert message is not None
    message.ack()
    return message
