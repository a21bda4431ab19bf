"""The fixtures: a broker, its address, and Clusters that are connected to it.

pytest imports this module at the start of each run if CoolAMQP is installed. To keep the start
fast, the fixtures import brokers and Clusters only when a test uses them.
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
# The broker of a test, for the hooks in `plugin.py`.
BROKER: Final = pytest.StashKey['Broker']()


def marked_options(item: pytest.Item) -> dict[str, Any]:
    """Return the options of the markers of a test. The nearest marker has precedence."""
    options: dict[str, Any] = {}
    for marker in item.iter_markers(MARKER):
        options = {**marker.kwargs, **options}
    return options


@pytest.fixture
def amqp_broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """An embedded broker for this test alone, on a free port of 127.0.0.1.

    It runs on a thread of its own, and records the connections for the report of a failing test.
    The marker `amqp_broker` passes options to `coolamqp.broker.Broker`. A run with --amqp-url skips
    the test.
    """
    real = real_broker(request.config)
    if real is not None:
        pytest.skip(f'amqp_broker needs an embedded broker, but {URL_OPTION} is {real}')
    from coolamqp.broker import Broker  # noqa: PLC0415 - see the top

    with Broker(**marked_options(request.node)) as broker:
        broker.record()
        request.node.stash[BROKER] = broker
        yield broker


@pytest.fixture
def amqp_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a broker, as amqp:// or amqps://.

    It is the address of `amqp_broker`. In a run with --amqp-url, it is an address on that RabbitMQ:
    with a virtual host for this test alone if there is an --amqp-management-url.
    """
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
    """A started `coolamqp.clustering.Cluster` for `amqp_url`. It shuts down after the test."""
    from coolamqp.clustering import Cluster  # noqa: PLC0415 - see the top

    with Cluster(amqp_url, name='amqp_cluster') as cluster:
        yield cluster


@pytest.fixture
def aio_amqp_cluster(amqp_url: str) -> coolamqp.aio.Cluster:
    """A `coolamqp.aio.Cluster` for `amqp_url`. An `async with` block in the test starts it."""
    from coolamqp.aio import Cluster  # noqa: PLC0415 - see the top

    return Cluster(amqp_url, name='aio_amqp_cluster')
