"""The fixtures: a broker, its address, and Clusters that are connected to it.

Whoever has CoolAMQP installed imports this module at the start of each run of pytest. So brokers
and Clusters are imported only when a test asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest

from coolamqp.testing.target import URL_OPTION, real_broker

if TYPE_CHECKING:
    import coolamqp.aio
    from coolamqp.broker import Broker
    from coolamqp.clustering import Cluster

MARKER: Final = 'amqp_broker'
# The broker of a test, for the hooks.
BROKER: Final = pytest.StashKey['Broker']()


def marked_options(item: pytest.Item) -> dict[str, Any]:
    """Return the options of the markers of a test; those of the nearest marker win."""
    options: dict[str, Any] = {}
    for marker in item.iter_markers(MARKER):
        options = {**marker.kwargs, **options}
    return options


@pytest.fixture
def amqp_broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """An embedded broker for this test alone, on a free port: what it has seen, and its faults.

    The marker `amqp_broker` has options for it. A run with --amqp-url skips the test.
    """
    real = real_broker(request.config)
    if real is not None:
        pytest.skip(f'amqp_broker is the embedded broker, and {URL_OPTION} names {real}')
    from coolamqp.broker import Broker  # noqa: PLC0415 - see the top

    with Broker(**marked_options(request.node)) as broker:
        broker.record()
        request.node.stash[BROKER] = broker
        yield broker


@pytest.fixture
def amqp_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a broker, as amqp://, on which no other test has left anything."""
    real = real_broker(request.config)
    if real is None:
        broker: Broker = request.getfixturevalue('amqp_broker')
        yield broker.url
    elif real.management_url:
        from coolamqp.testing.management import temporary_vhost  # noqa: PLC0415 - see the top

        with temporary_vhost(real) as url:
            yield url
    else:
        yield real.url


@pytest.fixture
def amqp_cluster(amqp_url: str) -> Iterator[Cluster]:
    """A Cluster that is connected to `amqp_url`, and is shut down at the end of the test."""
    from coolamqp.clustering import Cluster  # noqa: PLC0415 - see the top

    with Cluster(amqp_url, name='amqp_cluster') as cluster:
        yield cluster


@pytest.fixture
def aio_amqp_cluster(amqp_url: str) -> coolamqp.aio.Cluster:
    """A Cluster for asyncio and `amqp_url`, which is connected in an `async with` block."""
    from coolamqp.aio import Cluster  # noqa: PLC0415 - see the top

    return Cluster(amqp_url, name='aio_amqp_cluster')
