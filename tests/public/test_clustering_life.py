"""coolamqp.clustering.Cluster, row by row: what it is made with, start and shutdown."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from opentracing.mocktracer import MockTracer

from coolamqp.clustering import Cluster, ConnectionLost
from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import NodeDefinition, Queue
from coolamqp.tracing import HoldingFrameTracer
from tests.conftest import MakeCluster, NodeArguments
from tests.integration.support import (
    PATIENCE,
    SHORT,
    Collector,
    Signals,
    await_event,
    await_reconnect,
    confirmed,
    consume,
)
from tests.support.ports import free_port
from tests.support.proxy import FaultProxy
from tests.support.rabbitmq import RabbitMQNode

pytestmark = pytest.mark.integration

# -- what a Cluster is made with


@pytest.mark.parametrize('wrap', [lambda node: node, lambda node: [node]], ids=['one', 'list'])
def test_cluster_nodes_is_one_or_a_list(
    node_arguments: NodeArguments, wrap: Callable[[NodeDefinition], Any]
) -> None:
    with Cluster(wrap(NodeDefinition(**node_arguments))) as cluster:
        assert cluster.connected


@pytest.mark.parametrize('closed_first', [True, False])
def test_cluster_nodes_are_several(node_arguments: NodeArguments, closed_first: bool) -> None:
    nodes = [
        NodeDefinition(**node_arguments),
        NodeDefinition(**{**node_arguments, 'port': free_port()}),
    ]
    with Cluster(nodes[::-1] if closed_first else nodes) as cluster:
        assert cluster.connected


def test_cluster_arguments_in_their_order(node_arguments: NodeArguments) -> None:
    tracer = HoldingFrameTracer()
    node = NodeDefinition(**node_arguments)
    cluster = Cluster([node], print, {'unit': 'tests'}, tracer, 'ordered', print, None)
    cluster.start()
    try:
        assert tracer.frames
        assert 'ordered AMQP listener thread' in thread_names()
    finally:
        cluster.shutdown()


def test_cluster_on_fail_is_called_once_when_a_connection_is_lost(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    failures = Signals()
    cluster = make_cluster(port=proxy.port, on_fail=failures)
    cluster.start()
    for _ in range(2):
        proxy.cut()
        assert isinstance(cluster.drain(PATIENCE), ConnectionLost)
        await_reconnect(cluster)
    cluster.shutdown()

    assert failures.wait_for(1) == [()]


def test_cluster_on_fail_is_not_called_when_there_never_was_a_connection(
    make_cluster: MakeCluster,
) -> None:
    failures = Signals()
    cluster = make_cluster(port=free_port(), on_fail=failures)
    with pytest.raises(ConnectionDead):
        cluster.start(timeout=SHORT)
    assert failures.calls == []


def test_cluster_on_fail_is_not_called_at_shutdown(make_cluster: MakeCluster) -> None:
    failures = Signals()
    cluster = make_cluster(on_fail=failures)
    cluster.start()
    cluster.shutdown()
    assert failures.calls == []


@pytest.mark.parametrize(
    'properties',
    [{'unit': 'tests', 'floor': 3}, [(b'unit', (b'tests', 'S')), (b'floor', (3, 'I'))]],
    ids=['dict', 'typed'],
)
def test_cluster_extra_properties_are_seen_by_the_broker(
    make_cluster: MakeCluster, rabbitmq: RabbitMQNode, properties: Any
) -> None:
    make_cluster(extra_properties=properties).start()
    listed = rabbitmq.ctl('list_connections', 'client_properties')
    assert '{"unit","tests"}' in listed
    assert '{"floor",3}' in listed
    assert '{"product",' in listed  # besides ours


def test_cluster_log_frames_sees_what_goes_both_ways(make_cluster: MakeCluster) -> None:
    tracer = HoldingFrameTracer()
    make_cluster(log_frames=tracer).start()
    assert {direction for direction, _, _ in tracer.frames} == {'to_client', 'to_server'}


@pytest.mark.parametrize(('name', 'shown'), [('billing', 'billing'), (None, 'CoolAMQP')])
def test_cluster_name_is_that_of_thread_and_connection(
    make_cluster: MakeCluster, rabbitmq: RabbitMQNode, name: str | None, shown: str
) -> None:
    make_cluster(name=name).start()
    assert f'{shown} AMQP listener thread' in thread_names()
    listed = rabbitmq.ctl('list_connections', 'client_properties')
    assert f'{{"connection_name","{shown}"}}' in listed


def test_cluster_name_is_in_its_log_lines(
    make_cluster: MakeCluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level('DEBUG', 'coolamqp')
    make_cluster(name='billing').start()
    assert 'billing' in caplog.text


@pytest.mark.parametrize(
    ('module', 'function', 'other'),
    [('prctl', 'set_name', 'setproctitle'), ('setproctitle', 'setthreadtitle', 'prctl')],
)
def test_cluster_name_is_given_to_the_operating_system(
    make_cluster: MakeCluster,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    function: str,
    other: str,
) -> None:
    names: list[str] = []
    monkeypatch.setitem(sys.modules, module, SimpleNamespace(**{function: names.append}))
    monkeypatch.setitem(sys.modules, other, None)
    make_cluster(name='billing').start()
    assert names == ['billing AMQP listener thread']


def test_cluster_on_blocked_is_told_true_and_false(
    make_cluster: MakeCluster, rabbitmq: RabbitMQNode
) -> None:
    blocked = Signals()
    cluster = make_cluster(on_blocked=blocked)
    cluster.start()
    cluster.declare(Queue('slow', auto_delete=True)).result(PATIENCE)
    rabbitmq.set_memory_alarm(True)
    try:
        confirmed(cluster, b'', 'slow')
        assert blocked.wait_for(1) == [(True,)]
    finally:
        rabbitmq.set_memory_alarm(False)
    assert blocked.wait_for(2) == [(True,), (False,)]


def test_cluster_tracer_may_be_an_opentracing_one(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(tracer=MockTracer())
    cluster.start()
    assert cluster.connected


WITHOUT_OPENTRACING = """
import sys
sys.modules['opentracing'] = None  # as if it were not installed
from coolamqp.clustering import Cluster
from coolamqp.objects import NodeDefinition
node = NodeDefinition('amqp://u:p@h/')
Cluster(node, tracer=None)
try:
    Cluster(node, tracer=object())
except RuntimeError as error:
    print(error)
"""


def test_cluster_tracer_without_opentracing_names_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, '-c', WITHOUT_OPENTRACING], capture_output=True, text=True, check=True
    )
    assert 'tracer' in done.stdout
    assert 'pip install coolamqp[opentracing]' in done.stdout


# -- start


@pytest.mark.parametrize(
    ('wrong', 'words'),
    [
        ({'password': 'wrong'}, 'ACCESS_REFUSED'),
        ({'user': 'nobody'}, 'ACCESS_REFUSED'),
        ({'virtual_host': 'nowhere'}, 'vhost nowhere not found'),
        ({'host': 'broker.invalid.'}, r'broker\.invalid\..*cannot be resolved'),
        ({'port': None}, 'refused'),
    ],
    ids=['password', 'user', 'vhost', 'name', 'refused'],
)
@pytest.mark.usefixtures('vhost', 'no_leaks')
def test_start_says_what_is_wrong_and_leaves_no_thread(
    make_cluster: MakeCluster, wrong: dict[str, Any], words: str
) -> None:
    if 'port' in wrong:
        wrong = {'port': free_port()}
    cluster = make_cluster(**wrong)
    with pytest.raises(ConnectionDead, match=words):
        cluster.start(timeout=1)

    cluster.shutdown()
    assert cluster.is_shutdown()


def test_start_says_that_a_broker_speaks_no_tls(rabbitmq: RabbitMQNode, vhost: str) -> None:
    node = NodeDefinition(rabbitmq.url(vhost).replace('amqp:', 'amqps:'))
    cluster = Cluster(node)
    with pytest.raises(ConnectionDead, match='TLS'):
        cluster.start(timeout=1)


def test_start_without_a_timeout_waits_until_there_is_a_broker(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    proxy.refuse()
    cluster = make_cluster(port=proxy.port)
    started = threading.Event()

    def start() -> None:
        cluster.start(wait=True, timeout=None)
        started.set()

    thread = threading.Thread(target=start)
    thread.start()
    assert not started.wait(SHORT)
    proxy.accept()
    await_event(started, 'the start')
    thread.join()
    assert cluster.connected


def test_start_without_waiting_returns_at_once(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(port=free_port())
    cluster.start(wait=False)
    assert cluster.started
    assert not cluster.connected


@pytest.mark.parametrize('wait', [True, False])
def test_start_a_second_time_is_an_error(cluster: Cluster, wait: bool) -> None:
    with pytest.raises(RuntimeError, match='started before; make a new one'):
        cluster.start(wait)
    assert cluster.connected


# -- shutdown


@pytest.mark.parametrize('wait', [True, False])
def test_shutdown_ends_everything(
    make_cluster: MakeCluster, rabbitmq: RabbitMQNode, wait: bool
) -> None:
    cluster = make_cluster(name='to be shut down')
    cluster.start()
    cancelled = Signals()
    consumer = consume(cluster, Queue('ended', auto_delete=True), Collector())
    consumer.on_cancel.add(cancelled)
    futures = [confirmed(cluster, b'x', 'ended') for _ in range(100)]

    cluster.shutdown(wait)

    assert [future.exception(PATIENCE) for future in futures] == [None] * 100
    assert cancelled.wait_for(1) == [()]
    assert consumer.cancelled
    assert 'closed unexpectedly' not in rabbitmq.log(20)
    for thread in threading.enumerate():
        if thread.name.startswith('to be shut down'):
            thread.join(PATIENCE)
            assert not thread.is_alive()
    assert cluster.is_shutdown()


def test_shutdown_of_what_was_never_started_is_an_error(make_cluster: MakeCluster) -> None:
    with pytest.raises(RuntimeError, match='never started'):
        make_cluster().shutdown()


def test_shutdown_a_second_time_does_nothing(cluster: Cluster) -> None:
    cluster.shutdown()
    cluster.shutdown(wait=True)
    cluster.shutdown(False)
    assert cluster.is_shutdown()


# -- connected, started, is_shutdown, properties


def test_connected_started_is_shutdown_and_properties_through_a_life(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    cluster = make_cluster(port=proxy.port)

    def life() -> tuple[bool, bool, bool, bool]:
        known = cluster.properties is not None
        return cluster.started, cluster.connected, cluster.is_shutdown(), known

    assert life() == (False, False, False, False)
    cluster.start()
    assert life() == (True, True, False, True)
    proxy.refuse()
    proxy.cut()
    assert isinstance(cluster.drain(PATIENCE), ConnectionLost)
    assert life()[:3] == (True, False, False)
    proxy.accept()
    await_reconnect(cluster)
    assert life() == (True, True, False, True)
    cluster.shutdown()
    assert life()[:3] == (True, False, True)


def test_link_constants() -> None:
    assert (Cluster.ST_LINK_LOST, Cluster.ST_LINK_REGAINED) == (0, 1)


def thread_names() -> set[str]:
    return {thread.name for thread in threading.enumerate()}
