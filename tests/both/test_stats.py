"""Statistics and health of a running Cluster, on both faces."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from coolamqp.aio import Cluster
from coolamqp.objects import Message, Queue
from tests.both.conftest import MakeCluster
from tests.both.support import PATIENCE, Collector, confirmed, consume, fill, lose_connection
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration

JOBS = Queue('jobs', durable=True)


async def test_messages_are_counted_from_publish_to_ack(cluster: Cluster) -> None:
    collector = Collector(lambda message: message.ack())
    await consume(cluster, JOBS, collector, no_ack=False)
    await fill(cluster, 'jobs', 100)
    cluster.publish(Message(b'plain'), routing_key='jobs')
    await collector.wait_for(101)
    # The answer to a call comes after the broker has had the acks.
    await cluster.declare(JOBS, passive=True)

    stats = cluster.stats()
    assert (stats.state, stats.connected, stats.connections) == ('up', True, 1)
    assert (stats.published, stats.confirmed, stats.unconfirmed) == (101, 100, 0)
    assert (stats.delivered, stats.acked, stats.unsettled, stats.backlog) == (101, 101, 0, 0)
    assert (stats.consumers, stats.consumers_online) == (1, 1)
    assert cluster.health()


async def test_running_callbacks_are_seen_and_timed(cluster: Cluster) -> None:
    begun, go_on, over = Collector(), asyncio.Event(), Collector()

    async def wait(message: Any) -> None:
        begun(message)
        await go_on.wait()
        over(message)

    await consume(cluster, JOBS, wait)
    await confirmed(cluster, b'', 'jobs')
    await begun.wait_for(1)
    assert cluster.stats().callbacks_running == 1
    go_on.set()
    await over.wait_for(1)
    await cluster.shutdown()

    stats = cluster.stats()
    assert (stats.callbacks, stats.callbacks_running) == (1, 0)
    assert stats.callback_seconds > 0


async def test_a_lost_connection_shows_in_health_and_is_counted(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    async with make_cluster(port=proxy.port) as cluster:
        assert cluster.health()
        proxy.refuse()
        proxy.cut()
        await lose_connection(cluster)
        kept = confirmed(cluster, b'', 'nowhere')
        health, stats = cluster.health(unconfirmed_age_max=None), cluster.stats()
        assert not health
        assert health.problems == (f'there is no connection to a broker (state: {stats.state})',)
        assert (stats.unconfirmed, stats.reconnects['network']) == (1, 1)

        proxy.accept()
        await kept
        assert await cluster.wait_connected(PATIENCE)
        stats = cluster.stats()
        assert (stats.connections, stats.confirmed) == (2, 1)
        assert cluster.health()


async def test_any_thread_may_ask(cluster: Cluster) -> None:
    await confirmed(cluster, b'', 'nowhere')

    assert (await asyncio.to_thread(cluster.stats)).confirmed == 1
    assert await asyncio.to_thread(cluster.health)


async def test_after_the_end_the_counters_stay(cluster: Cluster) -> None:
    await confirmed(cluster, b'', 'nowhere')
    await cluster.shutdown()

    stats = cluster.stats()
    assert (stats.state, stats.published, stats.confirmed) == ('stopped', 1, 1)
    assert not cluster.health()


def test_after_the_end_of_its_loop_a_cluster_has_statistics(
    face: type[Cluster], broker_url: str
) -> None:
    async def live() -> Cluster:
        async with face(broker_url) as cluster:
            await confirmed(cluster, b'', 'nowhere')
        return cluster

    assert asyncio.run(live()).stats().confirmed == 1


@pytest.mark.parametrize('ask', ['stats', 'health'])
async def test_threads_that_ask_all_the_time_disturb_nothing(cluster: Cluster, ask: str) -> None:
    over = threading.Event()

    def ask_on() -> int:
        count = 0
        while not over.is_set():
            getattr(cluster, ask)()
            count += 1
        return count

    asking = asyncio.create_task(asyncio.to_thread(ask_on))
    collector = Collector(lambda message: message.ack())
    await consume(cluster, JOBS, collector, no_ack=False)
    await fill(cluster, 'jobs', 2000)
    await collector.wait_for(2000)
    over.set()
    assert await asking
    assert cluster.stats().confirmed == 2000
