"""From start to shutdown: what fails says why, and nothing is left behind."""

from __future__ import annotations

import asyncio
import logging
import traceback
from typing import Any

import pytest

from coolamqp.aio import Cluster
from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import NodeDefinition, Queue
from coolamqp.tracing import HoldingFrameTracer
from tests.both.conftest import MakeCluster
from tests.both.support import PATIENCE, SHORT, Collector, confirmed, consume
from tests.conftest import NodeArguments
from tests.support.nodes import BrokerNode
from tests.support.ports import free_port
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration

QUEUE = Queue('q', durable=True)


# -- starts that fail


async def assert_over(cluster: Cluster) -> None:
    """Check that a Cluster has come to its end, and can only be ended again."""
    assert not cluster.connected
    assert cluster.is_shutdown()
    assert cluster.properties is None
    await cluster.shutdown()
    with pytest.raises(RuntimeError, match='make a new one'):
        await cluster.start()
    with pytest.raises(ConnectionDead, match='was shut down'):
        await cluster.wait_connected()


@pytest.mark.parametrize(
    ('wrong', 'words'),
    [
        ({'password': 'not-the-password'}, 'ACCESS_REFUSED'),
        ({'virtual_host': 'nowhere'}, 'vhost nowhere not found'),
    ],
    ids=['password', 'vhost'],
)
@pytest.mark.usefixtures('vhost', 'no_leaks')
async def test_a_login_that_is_refused_fails_at_once(
    make_cluster: MakeCluster, wrong: dict[str, str], words: str
) -> None:
    cluster = make_cluster(**wrong)
    # With no time-out: it must not take one to notice.
    with pytest.raises(ConnectionDead, match=words) as caught:
        await cluster.start(timeout=None)
    assert 'not-the-password' not in str(caught.value)
    await assert_over(cluster)


@pytest.mark.parametrize('host', ['broker.invalid.', 'a' * 70 + '.invalid'])
@pytest.mark.usefixtures('vhost', 'no_leaks')
async def test_a_name_that_does_not_resolve_is_named(make_cluster: MakeCluster, host: str) -> None:
    cluster = make_cluster(host=host)
    with pytest.raises(ConnectionDead, match=rf'{host}.*name cannot be resolved'):
        await cluster.start(timeout=1)
    await assert_over(cluster)


@pytest.mark.usefixtures('vhost', 'no_leaks')
async def test_each_node_that_fails_is_named(
    face: type[Cluster], node_arguments: NodeArguments
) -> None:
    closed = free_port()
    nodes = [
        NodeDefinition(**{**node_arguments, 'port': closed}),
        NodeDefinition(**{**node_arguments, 'password': 'wrong'}),
    ]
    cluster = face(nodes)
    with pytest.raises(ConnectionDead, match=rf':{closed}\S*: .*refused.*; .*ACCESS_REFUSED'):
        await cluster.start(timeout=1)
    await assert_over(cluster)


@pytest.mark.usefixtures('vhost', 'no_leaks')
async def test_a_peer_that_says_nothing_is_left(make_cluster: MakeCluster) -> None:
    left = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the client leaves
        writer.close()
        left.set()

    silent = await asyncio.start_server(listen, '127.0.0.1', 0)
    host, port = silent.sockets[0].getsockname()[:2]
    with pytest.raises(ConnectionDead, match='no answer within'):
        await make_cluster(host=host, port=port).start(timeout=0.1)
    await left.wait()
    silent.close()
    await silent.wait_closed()


# -- start


@pytest.mark.usefixtures('vhost', 'no_leaks')
async def test_a_life(face: type[Cluster], node_arguments: NodeArguments) -> None:
    node = NodeDefinition(**node_arguments)
    async with face(node) as cluster:
        assert cluster.started
        assert cluster.node == node
        assert cluster.properties is not None
        assert cluster.properties.properties['product'] in ('RabbitMQ', 'CoolAMQP')
        assert cluster.faults == []
        assert cluster.last_error is None
        with pytest.raises(RuntimeError, match='started before'):
            await cluster.start()
        assert cluster.connected
    await assert_over(cluster)


async def test_the_next_node_is_used_if_the_first_is_not_there(
    face: type[Cluster], node_arguments: NodeArguments
) -> None:
    first = NodeDefinition(**{**node_arguments, 'port': free_port()})
    second = NodeDefinition(**node_arguments)
    async with face([first, second]) as cluster:
        assert cluster.node == second
        assert cluster.faults[0].node == first


async def test_the_next_host_of_a_connection_string_is_used(
    face: type[Cluster], broker_url: str
) -> None:
    async with face(broker_url.replace('@', f'@127.0.0.1:{free_port()},')) as cluster:
        assert cluster.connected


async def test_what_is_asked_for_before_there_is_a_connection_is_done_later(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    proxy.refuse()
    cluster = make_cluster(port=proxy.port)
    await cluster.start(wait=False)
    assert cluster.started
    assert not await cluster.wait_connected(0.05)
    collector = Collector()
    _, ready = cluster.consume(QUEUE, collector)
    declared = cluster.declare(Queue('early'))
    proxy.accept()

    assert await cluster.wait_connected(PATIENCE)
    assert isinstance(cluster.last_error, OSError)
    await asyncio.gather(declared, ready)
    await confirmed(cluster, b'first', 'q')
    await collector.wait_for(1)


async def test_a_start_without_a_timeout_waits_until_there_is_a_broker(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    proxy.refuse()
    cluster = make_cluster(port=proxy.port)
    starting = asyncio.create_task(cluster.start(timeout=None))
    assert not (await asyncio.wait([starting], timeout=SHORT))[0]
    proxy.accept()
    await starting
    assert cluster.connected


async def test_its_name_shows(make_cluster: MakeCluster, rabbitmq: BrokerNode) -> None:
    async with make_cluster(name='billing of the tests', extra_properties={'unit': 'tests'}):
        listed = rabbitmq.client_properties()
        assert '{"connection_name","billing of the tests"}' in listed
        assert '{"unit","tests"}' in listed


# -- shutdown


async def test_shutdown_of_what_was_never_started_is_an_error(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    with pytest.raises(RuntimeError, match='never started'):
        await cluster.shutdown()
    with pytest.raises(RuntimeError, match='not started'):
        await cluster.wait_connected()
    assert not cluster.is_shutdown()
    assert not cluster.started
    assert cluster.properties is None


async def test_shutdown_many_times_at_once(cluster: Cluster) -> None:
    await asyncio.gather(*(cluster.shutdown() for _ in range(8)))
    assert cluster.is_shutdown()


@pytest.mark.usefixtures('vhost', 'no_leaks')
async def test_shutdown_without_waiting_ends_all_the_same(make_cluster: MakeCluster) -> None:
    cluster, collector = make_cluster(), Collector()
    await cluster.start()
    await consume(cluster, QUEUE, collector)
    await confirmed(cluster, b'', 'q')
    await collector.wait_for(1)
    await cluster.shutdown(wait=False)


@pytest.mark.usefixtures('vhost', 'no_leaks')
async def test_two_hundred_lives_leave_nothing_behind(make_cluster: MakeCluster) -> None:
    for _ in range(200):
        async with make_cluster() as cluster:
            assert cluster.connected


async def test_heartbeats_go_on_while_a_callback_is_slow(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    over, others = Collector(), Collector()

    async def sleep(message: Any) -> None:
        await asyncio.sleep(3.5)  # over three heartbeats: a silent client is gone after two
        message.ack()
        over(message)

    async with make_cluster(port=proxy.port, heartbeat=1) as cluster:
        await consume(cluster, Queue('slow'), sleep, no_ack=False)
        await consume(cluster, Queue('quick'), others)
        await confirmed(cluster, b'', 'slow')
        count = 0
        while not over.items:
            await confirmed(cluster, b'', 'quick')
            count += 1
            await others.wait_for(count)
        assert count > 1
        assert cluster.faults == []
        assert proxy.accepted == 1


# -- what a program lends to it


async def test_a_frame_tracer_sees_everything_but_the_password(
    make_cluster: MakeCluster,
    rabbitmq: BrokerNode,
    vhost: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    user, password, tracer = f'traced-{vhost}', 'correct-horse-battery', HoldingFrameTracer()
    rabbitmq.add_user(user, password, vhost)
    try:
        async with make_cluster(user=user, password=password, log_frames=tracer) as cluster:
            await confirmed(cluster, b'x', 'nowhere')
            rabbitmq.close_all_connections()
            await confirmed(cluster, b'after a reconnect', 'nowhere')
        wrong = make_cluster(user=user, password=password + '!')
        with pytest.raises(ConnectionDead, match='ACCESS_REFUSED') as refused:
            await wrong.start()
    finally:
        rabbitmq.delete_user(user)

    seen = ' '.join(f'{direction} {frame}' for direction, _, frame in tracer.frames)
    for name in ('ConnectionStartOk', 'ConnectionOpenOk', 'BasicPublish', 'BasicAck', 'data=b'):
        assert name in seen
    assert 'connected to' in caplog.text
    told = ''.join(traceback.format_exception(refused.value))
    for text in (seen, told, caplog.text, repr(cluster), repr(wrong), rabbitmq.log(200)):
        assert password not in text
