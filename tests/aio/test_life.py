"""A life on an event loop: the loop that it belongs to, its end, and hooks that are awaited."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest

from coolamqp.aio import Cluster, ConnectionLost
from coolamqp.exceptions import ConnectionDead, Returned
from coolamqp.objects import Message, NodeDefinition, Queue, ReceivedMessage
from tests.both.conftest import MakeCluster
from tests.both.support import PATIENCE, Collector, confirmed, consume
from tests.support.coroutines import run_quietly
from tests.support.ports import free_port
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration


@pytest.mark.usefixtures('vhost', 'no_leaks')
async def test_a_start_that_is_cancelled_goes_on_trying_no_more(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(port=free_port())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await cluster.start(timeout=None)

    await cluster.shutdown()
    assert cluster.is_shutdown()


CALLS: list[Callable[[Cluster], Any]] = [
    lambda cluster: cluster.declare(Queue('q')),
    lambda cluster: cluster.get('q'),
    lambda cluster: cluster.publish(Message(b'')),
    lambda cluster: cluster.consume(Queue('q'), print),
]


@pytest.mark.parametrize('call', [*CALLS, lambda cluster: asyncio.run(cluster.drain(0))])
async def test_another_thread_or_loop_is_refused(
    call: Callable[[Cluster], Any], cluster: Cluster
) -> None:
    async def call_on_another_loop() -> None:
        call(cluster)

    with pytest.raises(RuntimeError, match='belongs to the event loop'):
        await asyncio.to_thread(call, cluster)
    if call in CALLS:
        with pytest.raises(RuntimeError, match='belongs to the event loop'):
            await asyncio.to_thread(asyncio.run, call_on_another_loop())


@pytest.mark.usefixtures('node', 'no_leaks')
def test_a_loop_that_ends_without_shutdown_ends_quietly(node: NodeDefinition) -> None:
    ended: list[Cluster] = []

    async def forget() -> None:
        cluster = Cluster(node)
        await cluster.start()
        queue = Queue('q', auto_delete=True)
        await consume(cluster, queue, Collector(ReceivedMessage.ack))
        for _ in range(10):
            cluster.publish(Message(b''), routing_key='q')
        await confirmed(cluster, b'', 'q')
        ended.append(cluster)

    run_quietly(forget())
    assert ended[0].is_shutdown()


def test_a_loop_that_ends_warns_of_unconfirmed_messages() -> None:
    futures = []

    async def forget() -> None:
        cluster = Cluster(NodeDefinition('127.0.0.1', 'guest', 'guest', port=free_port()))
        await cluster.start(wait=False)
        futures.append(cluster.publish(Message(b''), routing_key='q', confirm=True))

    with pytest.warns(ResourceWarning, match='unconfirmed messages: 1'):
        run_quietly(forget())
    assert isinstance(futures[0].exception(), ConnectionDead)


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
    with pytest.warns(ResourceWarning, match='the Cluster was not shut down'):
        del cluster
    gc.collect()

    assert complaints == []
    assert not [record for record in caplog.records if record.levelname == 'ERROR']


@pytest.mark.filterwarnings('ignore:unclosed')  # which is what this loop has left to the rubbish
def test_a_future_can_be_cancelled_after_its_loop_is_closed() -> None:
    async def publish(cluster: Cluster) -> asyncio.Future[None]:
        await cluster.start(wait=False)
        return cluster.publish(Message(b''), routing_key='q', confirm=True)

    loop = asyncio.new_event_loop()
    cluster = Cluster(NodeDefinition('127.0.0.1', 'guest', 'guest', port=free_port()))
    future = loop.run_until_complete(publish(cluster))
    loop.close()
    assert future.cancel()
    assert future.cancelled()
    with pytest.warns(ResourceWarning, match='the Cluster was not shut down'):
        del cluster
    del future
    gc.collect()


async def test_a_callback_may_shut_down(cluster: Cluster) -> None:
    ended = asyncio.Event()

    async def on_message(_: object) -> None:
        await cluster.shutdown()
        ended.set()

    await consume(cluster, Queue('q', auto_delete=True), on_message)
    cluster.publish(Message(b''), routing_key='q')
    await ended.wait()
    assert cluster.is_shutdown()


async def test_hooks_may_be_coroutine_functions(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    failed, returned, seen = asyncio.Event(), asyncio.Event(), list[str]()

    async def on_fail() -> None:
        await asyncio.sleep(0)
        failed.set()

    async def on_event(event: object) -> None:
        await asyncio.sleep(0)
        seen.append(type(event).__name__)

    async def on_return(_: Returned) -> None:
        await asyncio.sleep(0)
        returned.set()

    cluster = make_cluster(port=proxy.port, on_fail=on_fail)
    cluster.on_event.add(on_event)
    cluster.on_return.add(on_return)
    async with cluster:
        proxy.cut()
        await failed.wait()
        assert await cluster.wait_connected(PATIENCE)
        assert isinstance(await cluster.drain(PATIENCE), ConnectionLost)
        cluster.publish(Message(b''), routing_key='none', mandatory=True)
        await returned.wait()
    assert seen[:3] == ['ConnectionEstablished', 'TopologyRestored', 'ConnectionLost']
    assert seen[3:] == ['ConnectionEstablished', 'TopologyRestored']


async def test_it_takes_no_thread(make_cluster: MakeCluster) -> None:
    before = threading.active_count()
    async with make_cluster() as cluster:
        await confirmed(cluster, b'', 'nowhere')
        assert threading.active_count() == before


INTERRUPTIONS: dict[str, Callable[[Cluster], Any]] = {
    'publish': lambda cluster: confirmed(cluster, b'x', 'q'),
    'publish plain': lambda cluster: cluster.publish(Message(b'x'), routing_key='q'),
    'publish_many': lambda cluster: cluster.publish_many([Message(b'x')], routing_key='q')[0],
    'get': lambda cluster: cluster.get('q'),
    'declare': lambda cluster: cluster.declare(Queue('other')),
    'consume': lambda cluster: cluster.consume(Queue('q'), print)[1],
}


@pytest.mark.parametrize('call', INTERRUPTIONS.values(), ids=INTERRUPTIONS)
async def test_a_finalizer_that_interrupts_the_engine_is_carried_out_soon(
    cluster: Cluster, call: Callable[[Cluster], Any]
) -> None:
    await cluster.declare(Queue('q'))
    with cluster._core.lock:
        future = call(cluster)
    await asyncio.wait_for(future, PATIENCE)


async def test_a_thread_that_asks_a_blocked_loop_for_statistics_gets_an_error(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('coolamqp.aio.core.STATS_TIMEOUT', 0.01)
    errors: list[Exception] = []

    def ask() -> None:
        try:
            cluster.health()
        except TimeoutError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()  # which blocks the loop

    assert 'blocked or overloaded' in str(errors[0])
    assert cluster.health()
