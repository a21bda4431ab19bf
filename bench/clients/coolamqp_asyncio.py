"""CoolAMQP, asyncio."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Final

from bench.clients.coolamqp_threads import properties_of
from bench.measurement import Measurement, RoundTrips, Stopwatch, Tally, measured
from bench.pipelining import on_loop
from bench.task import PREFETCH, WINDOW, Task
from coolamqp.aio import Cluster
from coolamqp.objects import Message, NodeDefinition, Queue

ABILITIES: Final = frozenset[str]()


async def publish(task: Task) -> Measurement:
    body, properties, queue = task.body, properties_of(task), task.queue
    async with connected(task) as cluster:
        with measured(task) as measurement:
            for _ in range(task.messages):
                await cluster.publish(Message(body, properties), routing_key=queue)
            await flush(cluster, task)
        return measurement


async def confirm(task: Task) -> Measurement:
    body, queue = task.body, task.queue
    async with connected(task, max_unconfirmed=WINDOW) as cluster:
        with measured(task) as measurement:
            futures = [
                cluster.publish(Message(body), routing_key=queue, confirm=True)
                for _ in range(task.messages)
            ]
            await asyncio.gather(*futures)
        return measurement


async def confirm_each(task: Task) -> Measurement:
    watch = Stopwatch()
    async with connected(task) as cluster:
        with measured(task, watch) as measurement:
            for _ in range(task.messages):
                watch.begin()
                await cluster.publish(Message(task.body), routing_key=task.queue, confirm=True)
                watch.end()
    return measurement


async def consume(task: Task, *, no_ack: bool) -> Measurement:
    done = asyncio.Event()
    tally = Tally(task, done.set)

    def on_message(message: Any) -> None:
        tally.take(message.body)

    def on_message_to_ack(message: Any) -> None:
        tally.take(message.body)
        message.ack()

    callback = on_message if no_ack else on_message_to_ack
    async with connected(task) as cluster:
        queue = Queue(task.queue, durable=True)
        with measured(task, tally=tally) as measurement:
            prefetch = None if no_ack else PREFETCH
            cluster.consume(queue, callback, no_ack=no_ack, prefetch=prefetch, inline=True)
            await done.wait()
            if not no_ack:
                await flush(cluster, task)
    return measurement


async def ping_pong(task: Task) -> Measurement:
    done = asyncio.Event()

    def send() -> None:
        cluster.publish(Message(task.body), routing_key=task.ping_queue)

    trips = RoundTrips(task, send, done.set)
    async with connected(task) as cluster:
        queue = Queue(task.queue, durable=True)
        _, consuming = cluster.consume(
            queue, lambda message: trips.end(message.body), no_ack=True, inline=True
        )
        await consuming
        with measured(task, trips.watch, trips.tally) as measurement:
            trips.begin()
            await done.wait()
    return measurement


async def flush(cluster: Cluster, task: Task) -> None:
    """Wait for an answer of the broker, which comes after all messages."""
    await cluster.declare(Queue(task.queue, durable=True), passive=True)


def connected(task: Task, **options: Any) -> Cluster:
    """Return a Cluster, which `async with` starts."""
    return Cluster(NodeDefinition(task.url), **options)


UNABLE: Final = dict[str, str]()
WORKS: Final = {
    'publish': on_loop(publish),
    'confirm': on_loop(confirm),
    'confirm-each': on_loop(confirm_each),
    'consume': on_loop(partial(consume, no_ack=True)),
    'consume-ack': on_loop(partial(consume, no_ack=False)),
    'ping-pong': on_loop(ping_pong),
}
