"""aiormq, the base of aio-pika."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiormq

from bench.measurement import Measurement, Stopwatch, Tally, measured
from bench.pipelining import awaited_in_window, on_loop
from bench.task import PREFETCH, Task

ABILITIES: Final = frozenset[str]()


async def publish(task: Task) -> Measurement:
    body, queue, properties = task.body, task.queue, properties_of(task)
    async with connected(task, publisher_confirms=False) as channel:
        with measured(task) as measurement:
            for _ in range(task.messages):
                await channel.basic_publish(body, routing_key=queue, properties=properties)
            await channel.queue_declare(queue, passive=True)
        return measurement


async def confirm(task: Task) -> Measurement:
    body, queue = task.body, task.queue
    async with connected(task) as channel:
        with measured(task) as measurement:
            await awaited_in_window(task, lambda: channel.basic_publish(body, routing_key=queue))
        return measurement


async def confirm_each(task: Task) -> Measurement:
    watch = Stopwatch()
    async with connected(task) as channel:
        with measured(task, watch) as measurement:
            for _ in range(task.messages):
                watch.begin()
                await channel.basic_publish(task.body, routing_key=task.queue)
                watch.end()
    return measurement


async def consume(task: Task, *, no_ack: bool = True) -> Measurement:
    done = asyncio.Event()
    tally = Tally(task, done.set)

    async def on_message(message: Any) -> None:
        tally.take(message.body)

    async def on_message_to_ack(message: Any) -> None:
        await channel.basic_ack(message.delivery.delivery_tag)
        tally.take(message.body)

    callback = on_message if no_ack else on_message_to_ack
    async with connected(task) as channel:
        await channel.basic_qos(prefetch_count=PREFETCH)
        with measured(task, tally=tally) as measurement:
            await channel.basic_consume(task.queue, callback, no_ack=no_ack)
            await done.wait()
            if not no_ack:
                await channel.queue_declare(task.queue, passive=True)
    return measurement


async def consume_ack(task: Task) -> Measurement:
    return await consume(task, no_ack=False)


async def ping_pong(task: Task) -> Measurement:
    watch = Stopwatch()
    done = asyncio.Event()
    tally = Tally(task, done.set)

    async def on_message(message: Any) -> None:
        watch.end()
        tally.take(message.body)
        if tally.missing:
            await send()

    async def send() -> None:
        watch.begin()
        await channel.basic_publish(task.body, routing_key=task.ping_queue)

    async with connected(task, publisher_confirms=False) as channel:
        await channel.basic_consume(task.queue, on_message, no_ack=True)
        with measured(task, watch, tally) as measurement:
            await send()
            await done.wait()
    return measurement


@asynccontextmanager
async def connected(task: Task, **options: Any) -> AsyncIterator[Any]:
    """Open a channel for a `with` block."""
    connection = await aiormq.connect(task.url)
    try:
        yield await connection.channel(**options)
    finally:
        await connection.close()


def properties_of(task: Task) -> Any:
    """Return the properties of all messages."""
    return aiormq.spec.Basic.Properties(headers=task.table) if task.table else None


UNABLE: Final = dict[str, str]()
WORKS: Final = {
    'publish': on_loop(publish),
    'confirm': on_loop(confirm),
    'confirm-each': on_loop(confirm_each),
    'consume': on_loop(consume),
    'consume-ack': on_loop(consume_ack),
    'ping-pong': on_loop(ping_pong),
}
