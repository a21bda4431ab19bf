"""aio-pika, as in its quick start, but with a plain connection, which is faster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aio_pika

from bench.measurement import Measurement, Stopwatch, Tally, measured
from bench.pipelining import awaited_in_window, on_loop
from bench.task import PREFETCH, Task

ABILITIES: Final = frozenset[str]()


async def publish(task: Task) -> Measurement:
    body, queue, headers = task.body, task.queue, task.table
    async with connected(task, publisher_confirms=False) as channel:
        exchange = channel.default_exchange
        with measured(task) as measurement:
            for _ in range(task.messages):
                await exchange.publish(aio_pika.Message(body, headers=headers), queue)
            await channel.declare_queue(queue, passive=True)
        return measurement


async def confirm(task: Task) -> Measurement:
    body, queue = task.body, task.queue
    async with connected(task) as channel:
        exchange = channel.default_exchange
        with measured(task) as measurement:
            await awaited_in_window(task, lambda: exchange.publish(aio_pika.Message(body), queue))
        return measurement


async def confirm_each(task: Task) -> Measurement:
    watch = Stopwatch()
    async with connected(task) as channel:
        with measured(task, watch) as measurement:
            for _ in range(task.messages):
                watch.begin()
                await channel.default_exchange.publish(aio_pika.Message(task.body), task.queue)
                watch.end()
    return measurement


async def consume(task: Task, *, no_ack: bool = True) -> Measurement:
    done = asyncio.Event()
    tally = Tally(task, done.set)

    async def on_message(message: Any) -> None:
        tally.take(message.body)

    async def on_message_to_ack(message: Any) -> None:
        await message.ack()
        tally.take(message.body)

    callback = on_message if no_ack else on_message_to_ack
    async with connected(task) as channel:
        await channel.set_qos(prefetch_count=PREFETCH)
        queue = await channel.get_queue(task.queue)
        with measured(task, tally=tally) as measurement:
            await queue.consume(callback, no_ack=no_ack)
            await done.wait()
            if not no_ack:
                await channel.declare_queue(task.queue, passive=True)
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
        await channel.default_exchange.publish(aio_pika.Message(task.body), task.ping_queue)

    async with connected(task, publisher_confirms=False) as channel:
        queue = await channel.get_queue(task.queue)
        await queue.consume(on_message, no_ack=True)
        with measured(task, watch, tally) as measurement:
            await send()
            await done.wait()
    return measurement


@asynccontextmanager
async def connected(task: Task, **options: Any) -> AsyncIterator[Any]:
    """Open a channel for a `with` block."""
    async with await aio_pika.connect(task.url) as connection:
        yield await connection.channel(**options)


UNABLE: Final = dict[str, str]()
WORKS: Final = {
    'publish': on_loop(publish),
    'confirm': on_loop(confirm),
    'confirm-each': on_loop(confirm_each),
    'consume': on_loop(consume),
    'consume-ack': on_loop(consume_ack),
    'ping-pong': on_loop(ping_pong),
}
