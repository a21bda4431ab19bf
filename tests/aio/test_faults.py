"""The broker or the network goes away under traffic and comes back: nothing lost, order kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from coolamqp.aio import Cluster, ConnectionLost
from coolamqp.objects import Message, NodeDefinition, Queue, ReceivedMessage
from tests.aio.support import LONG_PATIENCE, Collector
from tests.support.proxy import FaultProxy
from tests.support.rabbitmq import RabbitMQNode

pytestmark = pytest.mark.integration

QUEUE = Queue('steady', durable=True)
COUNT = 6000
TASKS = 4
CUTS = 5


@pytest.fixture(scope='module')
def broker() -> Iterator[RabbitMQNode]:
    """A node of this module's own, since it goes down and up."""
    with RabbitMQNode() as broker:
        yield broker


async def publish_all(out: Cluster, task: int, fault: asyncio.Event) -> None:
    """Publish one task's messages, the second half of them after the fault, with back-pressure."""
    futures = []
    for number in range(COUNT // TASKS):
        if number == COUNT // TASKS // 2:
            await fault.wait()
        message = Message(b'%d:%d' % (task, number), {'delivery_mode': 2})
        futures.append(out.publish(message, routing_key='steady', confirm=True))
        if number % 100 == 0:
            await asyncio.sleep(0)
    await asyncio.gather(*futures)


def check_nothing_is_lost(received: list[ReceivedMessage]) -> None:
    """All came; in order, but that what was sent or delivered again comes as a run."""
    by_task: dict[int, list[int]] = {task: [] for task in range(TASKS)}
    for message in received:
        task, number = message.body.split(b':')
        by_task[int(task)].append(int(number))
    for numbers in by_task.values():
        assert list(dict.fromkeys(numbers)) == list(range(COUNT // TASKS))


async def run_through(out: Cluster, into: Cluster, fault: Any) -> None:
    """Have all messages go through the queue, with a fault in the middle."""
    happened, collector = asyncio.Event(), Collector(lambda message: message.ack())
    await asyncio.wait_for(out.declare(QUEUE), LONG_PATIENCE)
    consuming = into.consume(QUEUE, collector, no_ack=False, prefetch=1000)[1]
    await asyncio.wait_for(consuming, LONG_PATIENCE)
    async with asyncio.timeout(LONG_PATIENCE), asyncio.TaskGroup() as group:
        for task in range(TASKS):
            group.create_task(publish_all(out, task, happened))
        await collector.wait_until(lambda: len(collector.messages) > COUNT // 4)
        await fault(happened)

    def all_there() -> bool:
        return len({message.body for message in collector.messages}) == COUNT

    await collector.wait_until(all_there, LONG_PATIENCE)
    check_nothing_is_lost(collector.messages)


@pytest.mark.parametrize('how', ['stop', 'kill'])
async def test_nothing_is_lost_when_the_broker_goes_and_comes_back(
    broker: RabbitMQNode, how: str
) -> None:
    node = NodeDefinition(broker.url('/'))

    async def fault(happened: asyncio.Event) -> None:
        await asyncio.to_thread({'stop': broker.stop, 'kill': broker.kill}[how])
        happened.set()
        await asyncio.to_thread(broker.start)

    async with Cluster(node, name='out') as out, Cluster(node, name='in') as into:
        await out.declare(QUEUE)
        await asyncio.to_thread(broker.sync_declarations)
        await run_through(out, into, fault)
        assert out.faults
        await asyncio.wait_for(out.delete_queue(QUEUE), LONG_PATIENCE)


@pytest.mark.parametrize('how', ['cut', 'split and cut'])
async def test_nothing_is_lost_when_the_network_fails_again_and_again(
    broker: RabbitMQNode, how: str
) -> None:
    with FaultProxy(broker.host, broker.port) as proxy:
        if 'split' in how:
            proxy.split(700)
        url = NodeDefinition(broker.url('/'))
        node = NodeDefinition(
            host=proxy.host, port=proxy.port, user=url.user, password=url.password
        )

        async def fault(happened: asyncio.Event) -> None:
            happened.set()
            for _ in range(CUTS):
                await asyncio.to_thread(proxy.cut)
                assert isinstance(await out.drain(LONG_PATIENCE), ConnectionLost)
                await out.wait_connected(LONG_PATIENCE)

        async with Cluster(node, name='out') as out, Cluster(node, name='in') as into:
            await run_through(out, into, fault)
            assert len(out.faults) >= CUTS
            await asyncio.wait_for(out.delete_queue(QUEUE), LONG_PATIENCE)


async def test_a_silent_broker_is_given_up_and_the_next_connection_works(
    broker: RabbitMQNode,
) -> None:
    with FaultProxy(broker.host, broker.port) as proxy:
        url = NodeDefinition(broker.url('/'))
        node = NodeDefinition(
            host=proxy.host, port=proxy.port, user=url.user, password=url.password, heartbeat=1
        )
        async with Cluster(node) as cluster:
            await asyncio.wait_for(cluster.declare(Queue('q', auto_delete=True)), LONG_PATIENCE)
            await asyncio.to_thread(proxy.drop)
            future = cluster.publish(Message(b''), routing_key='q', confirm=True)
            await asyncio.wait_for(future, LONG_PATIENCE)
            assert 'nothing heard' in str(cluster.last_error)
            await asyncio.wait_for(cluster.delete_queue('q'), LONG_PATIENCE)
