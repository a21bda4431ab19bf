"""The core of a Cluster: when it takes commands, and how it ends them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

import pytest

from coolamqp.aio import Cluster, NothingMuch
from coolamqp.attaches import Consumer
from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import Exchange, Message, Queue, QueueBind
from tests.both.conftest import MakeCluster
from tests.both.support import Collector, confirmed, consume, content_of, fill, numbers
from tests.support.nodes import BrokerNode
from tests.support.ports import free_port

pytestmark = pytest.mark.integration

QUEUE = Queue('q', durable=True)
USES: dict[str, Callable[[Cluster], Any]] = {
    'declare': lambda cluster: cluster.declare(Queue('used')),
    'bind': lambda cluster: cluster.bind(Queue('used'), Exchange('x'), 'key'),
    'declare binding': lambda cluster: cluster.declare(QueueBind('used', 'x', 'key')),
    'delete_queue': lambda cluster: cluster.delete_queue(Queue('used')),
    'get': lambda cluster: cluster.get('used'),
    'consume': lambda cluster: cluster.consume(Queue('used'), print),
    'add_consumer': lambda cluster: cluster.add_consumer(Consumer(Queue('used'), print)),
    'publish': lambda cluster: cluster.publish(Message(b''), routing_key='used'),
    'confirm': lambda cluster: confirmed(cluster, b'', 'used'),
}


@pytest.mark.parametrize('use', USES.values(), ids=USES)
async def test_before_the_start_and_after_the_shutdown_nothing_can_be_asked(
    make_cluster: MakeCluster, use: Callable[[Cluster], Any]
) -> None:
    cluster = make_cluster()
    with pytest.raises(RuntimeError, match=r'not started yet; call start\(\) first'):
        use(cluster)
    with pytest.raises(RuntimeError, match=r'call start\(\) first'):
        await cluster.drain(None)
    async with cluster:
        pass
    with pytest.raises(ConnectionDead, match='was shut down'):
        use(cluster)
    assert isinstance(await cluster.drain(None), NothingMuch)


@pytest.mark.usefixtures('vhost', 'no_leaks')
async def test_open_futures_end_at_the_shutdown(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(port=free_port())
    await cluster.start(wait=False)
    consumer, ready = cluster.consume(QUEUE, print)
    futures = [
        ready,
        cluster.declare(QUEUE),
        cluster.delete_queue(QUEUE),
        cluster.get('q'),
        cluster.call(b'', 'q'),
        confirmed(cluster, b'', 'q'),
        asyncio.ensure_future(cluster.wait_connected()),
    ]
    drained = asyncio.create_task(cluster.drain(None))
    await asyncio.sleep(0)
    await cluster.shutdown()

    ends = await asyncio.gather(*futures, return_exceptions=True)
    assert isinstance(ends[0], Exception)
    assert [type(end) for end in ends[1:]] == [ConnectionDead] * 6
    assert consumer.cancelled
    assert isinstance(await drained, NothingMuch)


async def test_shutdown_flushes_what_was_promised_and_says_good_bye(
    cluster: Cluster, make_cluster: MakeCluster, rabbitmq: BrokerNode
) -> None:
    cancelled = Collector()
    await cluster.declare(QUEUE)
    async with make_cluster() as ending:
        (await consume(ending, Queue(), print)).on_cancel.add(cancelled)
        futures = [confirmed(ending, b'%d' % number, 'q') for number in range(1000)]
    await cancelled.wait_for(1)
    assert 'closed unexpectedly' not in rabbitmq.log(20)
    assert await asyncio.gather(*futures) == [None] * 1000
    assert numbers(await content_of(cluster, 'q')) == list(range(1000))


@pytest.mark.usefixtures('vhost', 'no_leaks')
async def test_a_callback_that_never_ends_holds_up_neither_others_nor_shutdown(
    make_cluster: MakeCluster, caplog: pytest.LogCaptureFixture
) -> None:
    begun, end, others = Collector(), asyncio.Event(), Collector()

    async def hang(message: object) -> None:
        begun(message)
        with contextlib.suppress(asyncio.CancelledError):
            await end.wait()

    async with make_cluster() as cluster:
        await consume(cluster, Queue('hanging', auto_delete=True), hang)
        await consume(cluster, Queue('going', auto_delete=True), others)
        await confirmed(cluster, b'', 'hanging')
        await begun.wait_for(1)
        await fill(cluster, 'going', 100)
        await others.wait_for(100)
        await cluster.shutdown(timeout=0.1)
    assert cluster.is_shutdown()
    assert 'still runs a callback' in caplog.text
    end.set()


class BrokenHandler(logging.Handler):
    """A handler of the log that raises, as one does whose disk is full."""

    def emit(self, record: logging.LogRecord) -> None:
        raise OSError('no space left on device')


@pytest.fixture
def _broken_log(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger('coolamqp')
    monkeypatch.setattr(logger, 'handlers', [*logger.handlers, BrokenHandler()])
    monkeypatch.setattr(logger, 'level', logging.DEBUG)


@pytest.mark.usefixtures('_broken_log')
async def test_a_log_that_raises_costs_neither_connection_nor_message(cluster: Cluster) -> None:
    def fail(_: object) -> None:
        raise ValueError('which is logged')

    collector = Collector()
    await consume(cluster, Queue('broken'), fail)
    await consume(cluster, Queue('fine'), collector)
    for name in ('broken', 'fine'):
        await confirmed(cluster, b'x', name)
    await collector.wait_for(1)
    assert cluster.connected


async def test_all_confirms_can_be_waited_for(make_cluster: MakeCluster) -> None:
    async with make_cluster(max_unconfirmed=10) as cluster:
        await cluster.declare(QUEUE)
        await cluster.wait_for_confirms()
        cluster.publish_many([Message(b'')] * 50, routing_key='q')
        await cluster.wait_for_confirms()
        assert len(await content_of(cluster, 'q')) == 50


async def test_waiting_for_confirms_has_an_end(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(port=free_port())
    await cluster.start(wait=False)
    futures = cluster.publish_many([Message(b'')] * 5)
    with pytest.raises(TimeoutError, match='5 messages are not confirmed'):
        await cluster.wait_for_confirms(0.01)
    for future in futures:
        future.cancel()
