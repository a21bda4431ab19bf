"""What the tests of both faces share: collecting messages, filling queues, emptying them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from coolamqp.aio import Cluster, ConnectionLost
from coolamqp.attaches import Consumer
from coolamqp.objects import Message, Queue

PATIENCE = 30.0  # seconds, for whatever must happen in the end
SHORT = 0.2  # seconds, for what must not happen


class Collector:
    """A callback or hook that keeps what it is called with, and lets a test wait for it.

    :param act: what to do with each message on the thread that calls, such as `ReceivedMessage.ack`
    :ivar items: what it was called with; None if that was nothing
    """

    def __init__(self, act: Callable[[Any], Any] | None = None) -> None:
        self.items: list[Any] = []
        self._act = act
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()

    def __call__(self, item: Any = None) -> None:
        if self._act is not None:
            self._act(item)
        self._loop.call_soon_threadsafe(self._keep, item)

    def _keep(self, item: Any) -> None:
        self.items.append(item)
        self._news.set()

    async def wait_until(self, holds: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Wait until the items are as they should be."""
        async with asyncio.timeout(patience):
            while not holds():
                self._news.clear()
                await self._news.wait()

    async def wait_for(self, count: int) -> list[Any]:
        """Wait until there are at least so many items."""
        await self.wait_until(lambda: len(self.items) >= count)
        return self.items

    @property
    def bodies(self) -> list[Any]:
        """The bodies of the messages so far."""
        return [message.body for message in self.items]


def confirmed(
    cluster: Cluster, body: Any, routing_key: str, properties: Any = None
) -> asyncio.Future[Any]:
    """Publish to a queue, with a confirm."""
    message = Message(body, properties)
    return cluster.publish(message, routing_key=routing_key, confirm=True)


async def consume(
    cluster: Cluster,
    queue: Queue | str,
    on_message: Any = None,
    no_ack: bool = True,
    **options: Any,
) -> Consumer:
    """Consume, and return the consumer when it receives."""
    consumer, ready = cluster.consume(queue, on_message, no_ack=no_ack, **options)
    await ready
    return consumer


async def fill(cluster: Cluster, queue: str, count: int, size: int = 0) -> None:
    """Put messages into a queue that is there, numbered from 0, padded to a size with spaces."""
    messages = [Message((b'%d' % number).ljust(size)) for number in range(count)]
    await asyncio.gather(*cluster.publish_many(messages, routing_key=queue))


async def content_of(cluster: Cluster, queue: str) -> list[Any]:
    """Take all messages out of a queue, and return their bodies."""
    count = (await cluster.declare(Queue(queue), passive=True)).message_count
    messages = await asyncio.gather(*(cluster.get(queue, no_ack=True) for _ in range(count)))
    return [message.body for message in messages]


def numbers(bodies: list[Any]) -> list[int]:
    """Return the numbers that `fill` has written."""
    return [int(body) for body in bodies]


async def lose_connection(cluster: Cluster) -> None:
    """Wait until the Cluster has noticed that its connection is gone."""
    assert isinstance(await cluster.drain(PATIENCE), ConnectionLost)
