"""What every test may ask for: a real RabbitMQ, Clusters that talk to it, a check for leaks."""

from __future__ import annotations

import gc
import itertools
import selectors
import threading
import time
from collections.abc import Callable, Iterator
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

import pika
import pytest
import uvloop
from pika.adapters.blocking_connection import BlockingChannel

import coolamqp
from coolamqp.clustering import Cluster
from coolamqp.net.watches import Watches
from coolamqp.objects import NodeDefinition
from tests.support.certificates import Certificates
from tests.support.coroutines import LOOPS, run_test
from tests.support.installation import HOST_ROOT, RabbitMQMissing, chosen_installation
from tests.support.nodes import BrokerNode, is_embedded, make_node
from tests.support.proxy import FaultProxy

pytest_plugins = ['pytester']

MakeCluster: TypeAlias = Callable[..., Cluster]

PACKAGE = Path(coolamqp.__file__).parent
LEAK_PATIENCE = 5.0  # seconds in which threads may finish and descriptors be closed
NODE_OPTIONS = ('host', 'port', 'user', 'password', 'virtual_host', 'heartbeat')

_numbers = itertools.count(1)


class NodeArguments(TypedDict):
    """What a NodeDefinition is made from."""

    host: str
    port: int
    user: str
    password: str
    virtual_host: str


def pytest_configure() -> None:
    """Refuse to test what was compiled from another source than the one that is here."""
    if coolamqp.compiled:
        built = {path.stat().st_mtime for path in PACKAGE.rglob('*.so')}
        changed = [path for path in PACKAGE.rglob('*.py') if path.stat().st_mtime > min(built)]
        if changed:
            pytest.exit(f'{changed[0]} is newer than what is compiled; run `make build`', 4)


def pytest_report_header() -> str:
    """Say which RabbitMQ the integration tests talk to, and which form of the client does."""
    installation = chosen_installation()
    form = 'compiled' if coolamqp.compiled else 'pure Python'
    if is_embedded():
        return f'CoolAMQP: {form}; with the embedded broker'
    version = '.'.join(map(str, installation.version)) or 'none'
    return f'CoolAMQP: {form}; RabbitMQ: {version} in {installation.root}'


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a RabbitMQ where there is none, or none for us to run."""
    if is_embedded():
        if item.get_closest_marker('rabbitmq_only'):
            pytest.skip('needs a real RabbitMQ, and BROKER is embedded')
        return
    installation = chosen_installation()
    if item.get_closest_marker('integration') and installation.root != HOST_ROOT:
        try:
            installation.require()
        except RabbitMQMissing as missing:
            pytest.skip(str(missing))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine function on a loop of its own, see `LOOPS`."""
    if not iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    parameters: dict[str, Any] = getattr(getattr(pyfuncitem, 'callspec', None), 'params', {})
    make_loop = LOOPS[parameters.get('loop', 'asyncio')]
    run_test(pyfuncitem.obj, {name: pyfuncitem.funcargs[name] for name in names}, make_loop)
    return True


@pytest.fixture(scope='session')
def rabbitmq() -> Iterator[BrokerNode]:
    """The one node of this run, see `tests.support.nodes`. Tests that stop it start it again."""
    with make_node() as node:
        yield node


@pytest.fixture
def vhost(rabbitmq: BrokerNode) -> Iterator[str]:
    """The name of a virtual host for this test alone."""
    if not rabbitmq.running:
        rabbitmq.start()  # an earlier test failed half-way
    name = f'test-{next(_numbers)}'
    rabbitmq.add_vhost(name)
    yield name
    if rabbitmq.running:
        rabbitmq.delete_vhost(name)


@pytest.fixture
def broker_url(rabbitmq: BrokerNode, vhost: str) -> str:
    """The amqp:// address of this test's virtual host."""
    return rabbitmq.url(vhost)


@pytest.fixture
def node_arguments(rabbitmq: BrokerNode, vhost: str) -> NodeArguments:
    """The same as keywords for NodeDefinition."""
    return NodeArguments(
        host=rabbitmq.host,
        port=rabbitmq.port,
        user=rabbitmq.user,
        password=rabbitmq.password,
        virtual_host=vhost,
    )


@pytest.fixture(scope='session')
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates of this run."""
    return Certificates(tmp_path_factory.mktemp('certificates'))


@pytest.fixture
def make_cluster(node_arguments: NodeArguments) -> Iterator[MakeCluster]:
    """Make Clusters on this test's virtual host, and end them with the test.

    Takes the options of a Cluster, and those of a node that are to be others.
    """
    made: list[Cluster] = []

    def make(**options: Any) -> Cluster:
        node: dict[str, Any] = dict(node_arguments)
        node.update({name: options.pop(name) for name in NODE_OPTIONS if name in options})
        cluster = Cluster(NodeDefinition(**node), **options)
        made.append(cluster)
        return cluster

    yield make
    for cluster in made:
        if cluster.started:
            cluster.shutdown()


@pytest.fixture
def cluster(make_cluster: MakeCluster) -> Cluster:
    """A Cluster that is connected."""
    cluster = make_cluster()
    cluster.start()
    return cluster


@pytest.fixture
def proxy(rabbitmq: BrokerNode) -> Iterator[FaultProxy]:
    """Something between a Cluster and the node that does what networks do."""
    with FaultProxy(rabbitmq.host, rabbitmq.port) as proxy:
        yield proxy


@pytest.fixture
def pika_channel(broker_url: str) -> Iterator[BlockingChannel]:
    """Another client, that of the RabbitMQ team."""
    connection = pika.BlockingConnection(pika.URLParameters(broker_url))
    yield connection.channel()
    if connection.is_open:
        connection.close()


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """Fail the test if it leaves a thread or a file descriptor behind.

    What other fixtures hold open throughout the test must be asked for before this one.
    """
    uvloop.new_event_loop().close()  # The first one of a process makes a pipe for good.
    threads_before, descriptors_before = set(threading.enumerate()), _descriptors()
    yield
    deadline = time.monotonic() + LEAK_PATIENCE
    while True:
        gc.collect()
        threads = set(threading.enumerate()) - threads_before
        descriptors = _descriptors().items() - descriptors_before.items()
        if not threads and not descriptors:
            return
        if time.monotonic() > deadline:
            pytest.fail(f'left behind: threads {threads}, descriptors {descriptors}')
        time.sleep(0.02)


@pytest.fixture
def watches(no_leaks: None) -> Iterator[Watches]:
    """The watches of a driver, without sockets."""
    watches = Watches(selectors.DefaultSelector())
    yield watches
    watches.close()


def _descriptors() -> dict[int, str]:
    """Return the open file descriptors and what each stands for."""
    found = {}
    for link in Path('/proc/self/fd').iterdir():
        try:
            found[int(link.name)] = str(link.readlink())
        except FileNotFoundError:  # the one of iterdir itself
            continue
    return found
