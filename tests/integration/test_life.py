"""From start to shutdown: what fails says why, and nothing is left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from coolamqp.clustering import Cluster, NothingMuch
from coolamqp.exceptions import AMQPError, ConnectionDead
from coolamqp.objects import Exchange, Message, NodeDefinition, Queue, QueueBind
from tests.conftest import MakeCluster, NodeArguments
from tests.integration.support import PATIENCE, Collector, confirmed, consume
from tests.support.ports import free_port
from tests.support.rabbitmq import RabbitMQNode

pytestmark = pytest.mark.integration


# -- starts that fail


@pytest.mark.parametrize(
    ('wrong', 'words'),
    [
        ({'password': 'not-the-password'}, 'ACCESS_REFUSED'),
        ({'virtual_host': 'nowhere'}, 'vhost nowhere not found'),
    ],
    ids=['password', 'vhost'],
)
@pytest.mark.usefixtures('vhost', 'no_leaks')
def test_a_login_that_is_refused_fails_at_once(
    make_cluster: MakeCluster, wrong: dict[str, str], words: str
) -> None:
    cluster = make_cluster(**wrong)

    # With no time-out: it must not take one to notice.
    with pytest.raises(ConnectionDead, match=words) as caught:
        cluster.start(timeout=None)

    assert 'not-the-password' not in str(caught.value)
    _assert_over(cluster)


@pytest.mark.usefixtures('vhost', 'no_leaks')
def test_a_closed_port_is_named(make_cluster: MakeCluster) -> None:
    port = free_port()
    cluster = make_cluster(port=port)

    with pytest.raises(ConnectionDead, match=f'127.0.0.1:{port}.*refused'):
        cluster.start(timeout=0.5)

    _assert_over(cluster)


@pytest.mark.usefixtures('vhost', 'no_leaks')
def test_a_name_that_does_not_resolve_is_named(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(host='broker.invalid.')

    with pytest.raises(ConnectionDead, match=r'broker\.invalid\..*name cannot be resolved'):
        cluster.start(timeout=1)

    _assert_over(cluster)


def test_each_node_that_fails_is_named(node_arguments: NodeArguments) -> None:
    closed = free_port()
    nodes = [
        NodeDefinition(**{**node_arguments, 'port': closed}),
        NodeDefinition(**{**node_arguments, 'password': 'wrong'}),
    ]
    cluster = Cluster(nodes)

    with pytest.raises(ConnectionDead, match=rf'{closed}\S*: .*refused.*; .*ACCESS_REFUSED'):
        cluster.start(timeout=1)

    _assert_over(cluster)


def test_the_next_node_is_used_if_the_first_is_not_there(node_arguments: NodeArguments) -> None:
    nodes = [
        NodeDefinition(**{**node_arguments, 'port': free_port()}),
        NodeDefinition(**node_arguments),
    ]
    with Cluster(nodes) as cluster:
        assert cluster.connected


def test_the_next_host_of_a_connection_string_is_used(rabbitmq: RabbitMQNode, vhost: str) -> None:
    url = rabbitmq.url(vhost).replace('@', f'@127.0.0.1:{free_port()},')
    with Cluster(url) as cluster:
        assert cluster.connected


def _assert_over(cluster: Cluster) -> None:
    """Check that a Cluster has come to its end, and can only be ended again."""
    assert not cluster.connected
    assert cluster.is_shutdown()
    cluster.shutdown()
    with pytest.raises(RuntimeError, match='make a new one'):
        cluster.start()


# -- start


def test_start_without_waiting_returns_before_there_is_a_connection(
    make_cluster: MakeCluster,
) -> None:
    cluster = make_cluster()
    cluster.start(wait=False)
    assert cluster.started

    cluster.declare(Queue('early', auto_delete=True)).result(PATIENCE)
    assert cluster.connected
    assert cluster.properties is not None
    assert cluster.properties.properties['product'] == 'RabbitMQ'


def test_what_is_asked_for_before_there_is_a_connection_is_done_later(
    make_cluster: MakeCluster,
) -> None:
    cluster = make_cluster()
    cluster.start(wait=False)
    collector = Collector()
    queue = Queue('early', auto_delete=True)
    _, consuming = cluster.consume(queue, collector)
    consuming.result(PATIENCE)
    confirmed(cluster, b'first', 'early').result(PATIENCE)

    collector.wait_for(1)
    assert collector.bodies == [b'first']


def test_start_twice_is_an_error(cluster: Cluster) -> None:
    with pytest.raises(RuntimeError, match='started before'):
        cluster.start()
    assert cluster.connected


USES: dict[str, Callable[[Cluster], object]] = {
    'declare': lambda cluster: cluster.declare(Queue('used')),
    'bind': lambda cluster: cluster.bind(Queue('used'), Exchange('x'), 'key'),
    'delete_queue': lambda cluster: cluster.delete_queue(Queue('used')),
    'consume': lambda cluster: cluster.consume(Queue('used'), print),
    'publish': lambda cluster: cluster.publish(Message(b''), routing_key='used'),
    'confirm': lambda cluster: cluster.publish(Message(b''), routing_key='used', confirm=True),
    'declare binding': lambda cluster: cluster.declare(QueueBind('used', 'x', 'key')),
}


@pytest.mark.parametrize('use', USES.values(), ids=USES)
def test_use_before_start_says_to_start(
    make_cluster: MakeCluster, use: Callable[[Cluster], object]
) -> None:
    with pytest.raises(RuntimeError, match=r'call start\(\) first'):
        use(make_cluster())


@pytest.mark.parametrize('use', USES.values(), ids=USES)
def test_use_after_shutdown_says_so(cluster: Cluster, use: Callable[[Cluster], object]) -> None:
    cluster.shutdown()

    with pytest.raises(ConnectionDead, match='was shut down'):
        use(cluster)
    assert isinstance(cluster.drain(None), NothingMuch)


# -- shutdown


def test_shutdown_of_what_was_never_started_is_an_error(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()

    with pytest.raises(RuntimeError, match='never started'):
        cluster.shutdown()
    assert not cluster.is_shutdown()
    assert not cluster.started
    assert cluster.properties is None


def test_a_second_shutdown_does_nothing(cluster: Cluster) -> None:
    cluster.shutdown()
    cluster.shutdown()

    assert cluster.is_shutdown()
    assert not cluster.connected
    assert cluster.properties is None


def test_shutdown_by_many_threads_at_once(cluster: Cluster) -> None:
    threads = [threading.Thread(target=cluster.shutdown) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive(), 'a shutdown hangs'
    assert cluster.is_shutdown()


@pytest.mark.usefixtures('vhost', 'no_leaks')
def test_shutdown_without_waiting_ends_all_the_same(node_arguments: NodeArguments) -> None:
    cluster = Cluster(NodeDefinition(**node_arguments))
    cluster.start()
    collector = Collector()
    consume(cluster, Queue('used', auto_delete=True), collector)
    confirmed(cluster, b'', 'used').result(PATIENCE)
    collector.wait_for(1)

    cluster.shutdown(wait=False)


def test_shutdown_while_there_is_no_connection_ends_what_waits(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(port=free_port())
    cluster.start(wait=False)
    futures = [
        confirmed(cluster, b'', 'nowhere'),
        cluster.declare(Queue('nowhere')),
        cluster.delete_queue(Queue('nowhere')),
    ]
    consumer, consuming = cluster.consume(Queue('nowhere'), print)

    cluster.shutdown()

    for future in futures:
        assert isinstance(future.exception(0), ConnectionDead)
    assert consuming.exception(0) is not None
    assert consumer.cancelled


def test_shutdown_flushes_what_was_promised(cluster: Cluster, make_cluster: MakeCluster) -> None:
    cluster.declare(Queue('promised')).result(PATIENCE)
    futures = [confirmed(cluster, b'%d' % number, 'promised') for number in range(1000)]
    cluster.shutdown()
    assert [future.exception(0) for future in futures] == [None] * 1000

    other = make_cluster()
    other.start()
    collector = Collector()
    consume(other, Queue('promised'), collector)
    collector.wait_for(1000)
    assert collector.bodies == [b'%d' % number for number in range(1000)]


def test_with_starts_and_shuts_down(node_arguments: NodeArguments) -> None:
    with Cluster(NodeDefinition(**node_arguments)) as cluster:
        assert cluster.connected
    assert cluster.is_shutdown()


@pytest.mark.usefixtures('vhost', 'no_leaks')
def test_two_hundred_lives_leave_nothing_behind(node_arguments: NodeArguments) -> None:
    for _ in range(200):
        with Cluster(NodeDefinition(**node_arguments)) as cluster:
            assert cluster.connected


# -- names


def test_its_name_shows(make_cluster: MakeCluster, rabbitmq: RabbitMQNode) -> None:
    cluster = make_cluster(name='billing of the tests', extra_properties={'unit': 'tests'})
    cluster.start()

    assert 'billing of the tests AMQP listener thread' in {
        thread.name for thread in threading.enumerate()
    }
    listed = rabbitmq.ctl('list_connections', 'client_properties')
    assert '{"connection_name","billing of the tests"}' in listed
    assert '{"unit","tests"}' in listed


def test_the_broker_refuses_what_we_may_not_do(cluster: Cluster) -> None:
    future = cluster.declare(Exchange('amq.forbidden'))
    error = future.exception(PATIENCE)
    assert isinstance(error, AMQPError)
    assert error.reply_code == 403
    assert cluster.connected
