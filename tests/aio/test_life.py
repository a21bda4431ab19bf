"""From start to shutdown: what fails says why, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from coolamqp.aio import Cluster, ConnectionLost, NothingMuch
from coolamqp.aio import core as core_module
from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import Message, NodeDefinition, Queue
from tests.aio.support import PATIENCE, Collector, cluster_with, soon
from tests.conftest import NodeArguments
from tests.support.coroutines import run_quietly
from tests.support.ports import free_port
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration


def nowhere() -> NodeDefinition:
    """Give a node that is not there."""
    return NodeDefinition(host='127.0.0.1', port=free_port(), user='guest', password='guest')


@pytest.mark.usefixtures('node', 'no_leaks')
async def test_a_life(node: NodeDefinition) -> None:
    cluster = Cluster(node, name='a life')
    async with cluster:
        assert cluster.started
        assert cluster.node == node
        assert cluster.properties is not None
        assert cluster.properties.properties['product'] == 'RabbitMQ'
        assert cluster.faults == []
        assert cluster.last_error is None
        await soon(cluster.declare(Queue('a', auto_delete=True)))
    assert cluster.is_shutdown()
    assert not cluster.connected
    await cluster.shutdown()


@pytest.mark.usefixtures('vhost', 'no_leaks')
async def test_a_login_that_is_refused_fails_at_once(node_arguments: NodeArguments) -> None:
    wrong = NodeDefinition(**{**node_arguments, 'password': 'not-the-password'})
    cluster = Cluster(wrong)

    with pytest.raises(ConnectionDead, match='ACCESS_REFUSED'):
        await cluster.start(timeout=None)
    assert cluster.is_shutdown()


@pytest.mark.usefixtures('no_leaks')
async def test_a_node_that_is_not_there_fails_after_the_time_out() -> None:
    cluster = Cluster(nowhere())

    with pytest.raises(ConnectionDead, match='Connection refused'):
        await cluster.start(timeout=0.3)
    assert cluster.is_shutdown()


@pytest.mark.parametrize('host', ['no-such-host.invalid', 'a' * 70 + '.invalid'])
@pytest.mark.usefixtures('no_leaks')
async def test_a_name_that_cannot_be_resolved_is_told(host: str) -> None:
    cluster = Cluster(NodeDefinition(host=host, user='guest', password='guest'))

    with pytest.raises(ConnectionDead, match='the name cannot be resolved'):
        await cluster.start(timeout=1)


@pytest.mark.usefixtures('no_leaks')
async def test_a_start_that_is_cancelled_goes_on_trying_no_more() -> None:
    cluster = Cluster(nowhere())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await cluster.start(timeout=None)

    await cluster.shutdown()
    assert cluster.is_shutdown()


async def test_a_second_start_is_refused(node: NodeDefinition) -> None:
    async with Cluster(node) as cluster:
        with pytest.raises(RuntimeError, match='started before'):
            await cluster.start()


CALLS: list[Callable[[Cluster], Any]] = [
    lambda cluster: cluster.declare(Queue('q')),
    lambda cluster: cluster.get('q'),
    lambda cluster: cluster.publish(Message(b'')),
    lambda cluster: cluster.consume(Queue('q'), print),
]


@pytest.mark.parametrize('call', CALLS)
async def test_before_the_start_and_after_the_shutdown_nothing_can_be_asked(
    call: Callable[[Cluster], Any], node: NodeDefinition
) -> None:
    cluster = Cluster(node)
    with pytest.raises(RuntimeError, match='not started yet'):
        call(cluster)
    async with cluster:
        pass
    with pytest.raises(ConnectionDead, match='shut down'):
        call(cluster)


async def test_shutting_down_what_was_never_started_is_an_error(node: NodeDefinition) -> None:
    with pytest.raises(RuntimeError, match='never started'):
        await Cluster(node).shutdown()


@pytest.mark.parametrize('call', [*CALLS, lambda cluster: asyncio.run(cluster.drain(0))])
async def test_another_thread_or_loop_is_refused(
    call: Callable[[Cluster], Any], node: NodeDefinition
) -> None:
    async with Cluster(node) as cluster:

        async def call_on_another_loop() -> None:
            call(cluster)

        with pytest.raises(RuntimeError, match='belongs to the event loop'):
            await asyncio.to_thread(call, cluster)
        if call in CALLS:
            with pytest.raises(RuntimeError, match='belongs to the event loop'):
                await asyncio.to_thread(asyncio.run, call_on_another_loop())


async def test_a_message_is_settled_on_its_loop_only(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        collector = Collector()
        await soon(cluster.consume(Queue('q', durable=True), collector, no_ack=False)[1])
        await soon(cluster.publish(Message(b''), routing_key='q', confirm=True))
        (message,) = await collector.wait_for(1)

        with pytest.raises(RuntimeError, match='call_soon_threadsafe'):
            await asyncio.to_thread(message.ack)


@pytest.mark.usefixtures('no_leaks')
async def test_open_futures_end_at_the_shutdown() -> None:
    cluster = Cluster(nowhere(), max_unconfirmed=1)
    await cluster.start(wait=False)
    futures = [
        cluster.declare(Queue('q')),
        cluster.get('q'),
        cluster.call(b'', 'q'),
        cluster.consume(Queue('q'), print)[1],
        *(cluster.publish(Message(b''), confirm=True) for _ in range(3)),
    ]
    waiting = asyncio.create_task(cluster.wait_connected())
    drained = asyncio.create_task(cluster.drain(None))
    await asyncio.sleep(0)
    await soon(cluster.shutdown())

    ends = await soon(asyncio.gather(*futures, waiting, return_exceptions=True))
    assert [type(end) for end in ends[:3]] == [ConnectionDead] * 3
    assert isinstance(ends[3], Exception)
    assert [type(end) for end in ends[4:]] == [ConnectionDead] * 4
    assert isinstance(await drained, NothingMuch)


async def test_shutdown_flushes_what_was_promised_even_beyond_the_bounds(
    node: NodeDefinition,
) -> None:
    async with cluster_with(node, 'q', max_unconfirmed=2) as cluster:
        futures = [cluster.publish(Message(b''), routing_key='q', confirm=True) for _ in range(100)]
    assert [future.result() for future in futures] == [None] * 100


async def test_connecting_goes_on_and_can_be_waited_for(
    node_arguments: NodeArguments, proxy: FaultProxy
) -> None:
    proxy.refuse()
    arguments: dict[str, Any] = {**node_arguments, 'host': proxy.host, 'port': proxy.port}
    cluster = Cluster(NodeDefinition(**arguments))
    await cluster.start(wait=False)
    assert not await cluster.wait_connected(0.05)
    await asyncio.to_thread(proxy.accept)

    assert await cluster.wait_connected(PATIENCE)
    assert isinstance(cluster.last_error, OSError)
    await cluster.shutdown()


@pytest.mark.usefixtures('node', 'no_leaks')
def test_a_loop_that_ends_without_shutdown_ends_quietly(node: NodeDefinition) -> None:
    ended: list[Cluster] = []

    async def forget() -> None:
        cluster = Cluster(node)
        await cluster.start()
        queue = Queue('q', auto_delete=True)
        await soon(cluster.consume(queue, Collector(lambda message: message.ack()))[1])
        for _ in range(10):
            cluster.publish(Message(b''), routing_key='q')
        await soon(cluster.publish(Message(b''), routing_key='q', confirm=True))
        ended.append(cluster)

    run_quietly(forget())
    assert ended[0].is_shutdown()


@pytest.mark.usefixtures('node')
@pytest.mark.filterwarnings('ignore:unclosed')  # which is what this loop has left to the rubbish
def test_a_loop_that_is_just_closed_closes_quietly(
    node: NodeDefinition, caplog: pytest.LogCaptureFixture
) -> None:
    complaints: list[object] = []
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    cluster = Cluster(node)
    loop.run_until_complete(cluster.start())
    loop.close()
    del cluster
    gc.collect()

    assert complaints == []
    assert not [record for record in caplog.records if record.levelname == 'ERROR']


async def test_a_callback_may_shut_down(node: NodeDefinition) -> None:
    cluster = Cluster(node)
    await cluster.start()
    ended = asyncio.Event()

    async def on_message(_: object) -> None:
        await cluster.shutdown()
        ended.set()

    await soon(cluster.consume(Queue('q', auto_delete=True), on_message)[1])
    cluster.publish(Message(b''), routing_key='q')
    await soon(ended.wait())
    assert cluster.is_shutdown()


async def test_shutdown_waits_for_callbacks_but_not_for_ever(
    node: NodeDefinition, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(core_module, 'CALLBACK_TIMEOUT', 0.05)
    begun = asyncio.Event()

    async def on_message(_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with Cluster(node) as cluster:
        await soon(cluster.consume(Queue('q', auto_delete=True), on_message)[1])
        cluster.publish(Message(b''), routing_key='q')
        await soon(begun.wait())
    assert 'still runs a callback; it is left to itself' in caplog.text


@pytest.mark.usefixtures('node')
async def test_hooks_may_be_coroutine_functions(
    node_arguments: NodeArguments, proxy: FaultProxy
) -> None:
    failed, seen = asyncio.Event(), list[object]()

    async def on_fail() -> None:
        await asyncio.sleep(0)
        failed.set()

    async def on_event(event: object) -> None:
        await asyncio.sleep(0)
        seen.append(type(event).__name__)

    arguments: dict[str, Any] = {**node_arguments, 'host': proxy.host, 'port': proxy.port}
    cluster = Cluster(NodeDefinition(**arguments), on_fail=on_fail)
    cluster.on_event.add(on_event)
    async with cluster:
        await asyncio.to_thread(proxy.cut)
        await soon(failed.wait())
        assert await cluster.wait_connected(PATIENCE)
        assert isinstance(await cluster.drain(PATIENCE), ConnectionLost)
    assert seen[:3] == ['ConnectionEstablished', 'TopologyRestored', 'ConnectionLost']
    assert seen[3:] == ['ConnectionEstablished', 'TopologyRestored']


@pytest.mark.usefixtures('no_leaks')
async def test_a_peer_that_says_nothing_is_left() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until we are left
        writer.close()
        left.set()

    left = asyncio.Event()
    silent = await asyncio.start_server(listen, '127.0.0.1', 0)
    host, port = silent.sockets[0].getsockname()[:2]
    cluster = Cluster(NodeDefinition(host=host, port=port, user='guest', password='guest'))
    with pytest.raises(ConnectionDead, match='no answer within'):
        await cluster.start(timeout=0.1)

    await soon(left.wait())
    silent.close()
    await silent.wait_closed()


async def test_it_takes_no_thread(node: NodeDefinition) -> None:
    before = threading.active_count()
    async with cluster_with(node, 'q') as cluster:
        await soon(cluster.publish(Message(b''), routing_key='q', confirm=True))
        assert threading.active_count() == before


async def test_heartbeats_go_on_while_a_callback_is_slow(node_arguments: NodeArguments) -> None:
    ended = asyncio.Event()
    begun = time.monotonic()

    async def on_message(_: object) -> None:
        await asyncio.sleep(3.5)  # over three heartbeats: a silent client is gone after two
        ended.set()

    async with Cluster(NodeDefinition(**node_arguments, heartbeat=1)) as cluster:
        await soon(cluster.consume(Queue('q', auto_delete=True), on_message)[1])
        cluster.publish(Message(b''), routing_key='q')
        await soon(ended.wait())
        assert cluster.faults == []
    assert time.monotonic() - begun > 3
