"""The brokers that the tests of this folder run on, and connections to them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from coolamqp.broker import Broker
from tests.behaviour.brokers import BrokerUnderTest, RabbitMQUnderTest
from tests.behaviour.client import RawChannel, RawConnection
from tests.behaviour.embedded import EmbeddedUnderTest

KINDS = [
    pytest.param('rabbitmq', marks=[pytest.mark.integration, pytest.mark.rabbitmq_only]),
    'embedded',
    'embedded-folder',
]
FIXTURES = {
    'rabbitmq': 'rabbitmq_under_test',
    'embedded': 'embedded_under_test',
    'embedded-folder': 'embedded_under_test_in_folder',
}

BATCH = 25

Connect = Callable[..., RawConnection]

_numbers = itertools.count(1)


@pytest.fixture(scope='session')
def rabbitmq_under_test(request: pytest.FixtureRequest) -> BrokerUnderTest:
    """The node of this run."""
    return RabbitMQUnderTest(request.getfixturevalue('rabbitmq'))


@pytest.fixture(scope='session')
def embedded_under_test() -> Iterator[BrokerUnderTest]:
    """An embedded broker in memory."""
    with Broker() as broker:
        yield EmbeddedUnderTest(broker)


@pytest.fixture(scope='session')
def embedded_under_test_in_folder(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[BrokerUnderTest]:
    """An embedded broker that keeps its data in a folder."""
    folder = tmp_path_factory.mktemp('broker')
    with Broker(folder=folder) as broker:
        yield EmbeddedUnderTest(broker, folder)


@pytest.fixture(scope='session', params=KINDS)
def broker(request: pytest.FixtureRequest) -> BrokerUnderTest:
    """The broker under test. All tests of a kind share it."""
    found: BrokerUnderTest = request.getfixturevalue(FIXTURES[request.param])
    return found


class Vhosts:
    """Virtual hosts for one test each, made and deleted in batches, which saves seconds."""

    def __init__(self, broker: BrokerUnderTest) -> None:
        self._broker = broker
        self._unused: list[str] = []
        self._used: list[str] = []

    def take(self) -> str:
        """Return a virtual host that nobody has used."""
        if not self._unused:
            self.delete_used()
            self._unused = [f'behaviour-{next(_numbers)}' for _ in range(BATCH)]
            self._broker.add_vhost(*self._unused)
        self._used.append(self._unused.pop())
        return self._used[-1]

    def delete_used(self) -> None:
        self._broker.delete_vhost(*self._used)
        self._used = []


@pytest.fixture(scope='session')
def vhosts(broker: BrokerUnderTest) -> Iterator[Vhosts]:
    """The virtual hosts of this run."""
    found = Vhosts(broker)
    yield found
    found.delete_used()


@pytest.fixture
def vhost(vhosts: Vhosts) -> str:
    """The name of a virtual host for this test alone."""
    return vhosts.take()


@pytest.fixture
def url(broker: BrokerUnderTest, vhost: str) -> str:
    """The address of the virtual host of this test, for `guest`."""
    return broker.url(vhost)


@pytest.fixture
def connect(url: str) -> Iterator[Connect]:
    """Open connections with any options, and close them with the test.

    The address may be passed; by default it is that of this test's virtual host.
    """
    opened: list[RawConnection] = []

    def open_connection(address: str = '', **options: Any) -> RawConnection:
        opened.append(RawConnection(address or url, **options))
        return opened[-1]

    yield open_connection
    for each in opened:
        each.close()


@pytest.fixture
def connection(connect: Connect) -> RawConnection:
    """An open connection."""
    return connect()


@pytest.fixture
def other_connection(connect: Connect) -> RawConnection:
    """Another open connection to the same virtual host."""
    return connect()


@pytest.fixture
def channel(connection: RawConnection) -> RawChannel:
    """An open channel."""
    return connection.channel()


@pytest.fixture
def other_channel(other_connection: RawConnection) -> RawChannel:
    """An open channel of another connection."""
    return other_connection.channel()
