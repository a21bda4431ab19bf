"""The network or the broker goes away and comes back: what was running goes on, nothing is lost."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any, Self

import pytest

from coolamqp.aio import Cluster
from coolamqp.objects import Exchange, Message, NodeDefinition, Queue, ReceivedMessage
from tests.both.conftest import MakeCluster
from tests.both.support import (
    PATIENCE,
    SHORT,
    Collector,
    confirmed,
    consume,
    content_of,
    lose_connection,
)
from tests.support.nodes import BrokerNode, make_node
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration

LONG_PATIENCE = 60.0  # seconds, if a broker has to start before
QUEUE = Queue('steady', durable=True)
BEFORE = 750  # messages of each task that are published before the fault
AFTER = 750  # and after it
TASKS = 4


@pytest.fixture(scope='module')
def broker() -> Iterator[BrokerNode]:
    """A node of this module's own, since it goes down and up."""
    with make_node() as broker:
        yield broker


# -- the broker


async def publish_all(out: Cluster, task: int, fault: asyncio.Event) -> None:
    """Publish one task's messages, some of them after the fault."""
    futures = []
    for number in range(BEFORE + AFTER):
        if number == BEFORE:
            await fault.wait()
        futures.append(confirmed(out, b'%d:%d' % (task, number), 'steady', {'delivery_mode': 2}))
        if number % 100 == 0:
            await asyncio.sleep(0)
    await asyncio.gather(*futures)


def check_nothing_is_lost(received: list[bytes]) -> None:
    """All came, and in order.

    Only messages that were on their way at the fault come twice, and those together, in order.
    """
    by_task: dict[int, list[int]] = {task: [] for task in range(TASKS)}
    for body in received:
        task, number = body.split(b':')
        by_task[int(task)].append(int(number))
    for numbers in by_task.values():
        assert list(dict.fromkeys(numbers)) == list(range(BEFORE + AFTER))
        twice = [number for number, count in Counter(numbers).items() if count > 1]
        assert all(number < BEFORE for number in twice), twice


@pytest.mark.parametrize('how', ['stop', 'kill'])
async def test_nothing_is_lost_when_the_broker_goes_and_comes_back(
    face: type[Cluster], broker: BrokerNode, how: str
) -> None:
    node, happened = NodeDefinition(broker.url('/')), asyncio.Event()
    async with face(node, name='out') as out, face(node, name='in') as into:
        collector = Collector(ReceivedMessage.ack)
        await out.declare(QUEUE)
        await asyncio.to_thread(broker.sync_declarations)
        await consume(into, QUEUE, collector, no_ack=False, prefetch=1000)
        async with asyncio.TaskGroup() as group:
            for task in range(TASKS):
                group.create_task(publish_all(out, task, happened))
            await collector.wait_until(lambda: len(collector.items) > BEFORE)
            await asyncio.to_thread({'stop': broker.stop, 'kill': broker.kill}[how])
            happened.set()
            await asyncio.to_thread(broker.start)

        everything = TASKS * (BEFORE + AFTER)
        await collector.wait_until(lambda: len(set(collector.bodies)) == everything, LONG_PATIENCE)
        check_nothing_is_lost(collector.bodies)
        assert out.faults
        await out.delete_queue(QUEUE)


# -- the network


@pytest.mark.parametrize('size', [65536, 700], ids=['whole', 'split'])
async def test_cuts_in_the_middle_of_traffic_lose_nothing(
    make_cluster: MakeCluster, proxy: FaultProxy, size: int
) -> None:
    proxy.split(size)
    news, bodies = Exchange('news', b'fanout'), [b'%d' % number for number in range(3000)]
    steady, cut = Collector(ReceivedMessage.ack), Collector(ReceivedMessage.ack)
    async with make_cluster(port=proxy.port) as cluster, make_cluster() as other:
        await consume(other, Queue('steady', exchange=news), steady, no_ack=False, qos=20)
        await consume(cluster, Queue('cut', exchange=news), cut, no_ack=False, qos=20)
        futures = []
        for number, body in enumerate(bodies):
            futures.append(cluster.publish(Message(body), news, confirm=True))
            if number % 500 == 250:
                proxy.cut()
                await lose_connection(cluster)
                await cluster.wait_connected(LONG_PATIENCE)
        assert await asyncio.gather(*futures) == [None] * 3000
        assert len(cluster.faults) >= 6
        await steady.wait_until(lambda: set(steady.bodies) == set(bodies))
        assert list(dict.fromkeys(steady.bodies)) == bodies
        # RabbitMQ may deliver others before it puts back what it has sent to a dead connection.
        await cut.wait_until(lambda: set(cut.bodies) == set(bodies))


async def test_cuts_are_survived_wherever_in_a_frame_they_come(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    proxy.split(7)
    async with make_cluster(port=proxy.port) as cluster:
        await cluster.declare(QUEUE)
        for number in range(20):
            future = confirmed(cluster, bytes(700), 'steady')
            if number % 4 == 0:
                proxy.cut()
                await lose_connection(cluster)
            await future


async def test_a_silent_broker_is_given_up_and_the_next_connection_works(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    async with make_cluster(port=proxy.port, heartbeat=1) as cluster:
        await cluster.declare(QUEUE)
        proxy.drop()
        await confirmed(cluster, b'kept', 'steady')
        assert 'nothing heard' in str(cluster.last_error)
        assert await content_of(cluster, 'steady') == [b'kept']


class AddressWithoutBroker:
    """A second address of loopback with the port of a node, as that of a proxy without a back end.

    It accepts connections and closes them at once.
    """

    def __init__(self, port: int) -> None:
        self.accepted = 0
        self.address = ('127.0.0.2', port)
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, *self.address)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    def _accept(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        writer.close()


async def test_an_address_without_a_broker_does_not_hide_the_next_one(
    make_cluster: MakeCluster, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up, dead = socket.getaddrinfo, AddressWithoutBroker(proxy.port)

    def look_up_both(host: str, port: int, **options: Any) -> list[Any]:
        hosts = [dead.address[0], proxy.host] if host == 'rabbit.example' else [host]
        return [found for each in hosts for found in look_up(each, port, **options)]

    monkeypatch.setattr(socket, 'getaddrinfo', look_up_both)
    async with dead, make_cluster(host='rabbit.example', port=proxy.port) as cluster:
        assert dead.accepted == 1
        proxy.cut()
        await lose_connection(cluster)
        assert await cluster.wait_connected(PATIENCE)
        assert dead.accepted == 1  # The address that worked is first.


async def test_consumers_and_persistent_declarations_are_restored(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    logs = Exchange('logs', b'fanout', durable=False)
    collector = Collector()
    async with make_cluster(port=proxy.port) as cluster:
        await cluster.declare(Queue('kept', exclusive=True), persistent=True)
        await cluster.declare(logs, persistent=True)
        await consume(cluster, Queue(exchange=logs), collector)
        proxy.cut()
        await lose_connection(cluster)
        await cluster.wait_connected()

        await confirmed(cluster, b'to the exclusive queue', 'kept')
        await cluster.publish(Message(b'to all'), logs, confirm=True)
        await collector.wait_for(1)
        assert collector.bodies == [b'to all']
        assert await content_of(cluster, 'kept') == [b'to the exclusive queue']


@pytest.mark.parametrize('kind', ['queue', 'consumer'])
async def test_an_exclusive_consumer_comes_back_when_its_lost_connection_has_ended(
    make_cluster: MakeCluster, proxy: FaultProxy, kind: str
) -> None:
    collector = Collector()
    mine = Queue('mine', exclusive=kind == 'queue', durable=kind == 'consumer')
    async with make_cluster(port=proxy.port) as cluster:
        await consume(cluster, mine, collector, exclusive=kind == 'consumer')
        proxy.strand()
        await lose_connection(cluster)
        assert await cluster.wait_connected(1) is (kind == 'consumer')  # 405 waits, 403 does not
        proxy.unstrand()
        async with asyncio.timeout(PATIENCE):
            while not collector.items:  # The queue of the lost connection ends with its messages.
                await confirmed(cluster, b'again', 'mine')
                await asyncio.sleep(SHORT)


async def test_a_locked_persistent_queue_and_its_bindings_come_back(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    async with make_cluster(port=proxy.port) as cluster:
        await cluster.declare(Queue('mine', exclusive=True), persistent=True)
        await cluster.bind('mine', 'amq.fanout', '', persistent=True)
        proxy.strand()
        await lose_connection(cluster)
        published = cluster.publish(Message(b'kept'), 'amq.fanout', confirm=True)
        assert not await cluster.wait_connected(1)
        proxy.unstrand()
        await published
        assert cluster.connected
        assert await content_of(cluster, 'mine') == [b'kept']


async def test_a_consumer_that_should_not_outlive_its_connection_does_not(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    cancelled = Collector()
    async with make_cluster(port=proxy.port) as cluster:
        consumer = await consume(cluster, Queue(), print, cancel_on_failure=True)
        consumer.on_cancel.add(cancelled)
        proxy.cut()
        await cancelled.wait_for(1)
        assert consumer.cancelled


async def test_a_plain_message_is_dropped_without_a_connection(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    async with make_cluster(port=proxy.port) as cluster:
        await cluster.declare(QUEUE)
        proxy.refuse()
        proxy.cut()
        await lose_connection(cluster)
        assert await cluster.publish(Message(b'dropped'), routing_key='steady') is None
        proxy.accept()
        await confirmed(cluster, b'kept', 'steady')
        assert await content_of(cluster, 'steady') == [b'kept']
