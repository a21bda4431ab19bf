"""What the tests of the face for asyncio share: collecting messages, and waiting with an end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from coolamqp.aio import Cluster
from coolamqp.aio.condition import Condition
from coolamqp.objects import Message, NodeDefinition, Queue, ReceivedMessage

PATIENCE = 30.0  # seconds, for whatever must happen in the end
LONG_PATIENCE = 60.0  # if a broker has to start before


class Collector:
    """A coroutine function for `on_message` that keeps what it is given."""

    def __init__(self, act: Callable[[ReceivedMessage], Any] | None = None) -> None:
        self.messages: list[ReceivedMessage] = []
        self._act = act
        self._news = Condition()

    async def __call__(self, message: ReceivedMessage) -> None:
        if self._act is not None:
            self._act(message)
        self.messages.append(message)
        self._news.notify_all()

    async def wait_until(self, holds: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Wait until the messages are as they should be."""
        assert await self._news.wait_for(holds, patience), f'{len(self.messages)} messages came'

    async def wait_for(self, count: int) -> list[ReceivedMessage]:
        """Wait for as many messages."""
        await self.wait_until(lambda: len(self.messages) >= count)
        return self.messages

    @property
    def bodies(self) -> list[Any]:
        """The bodies so far."""
        return [message.body for message in self.messages]


async def soon(awaitable: Any) -> Any:
    """Await something that must happen."""
    return await asyncio.wait_for(awaitable, PATIENCE)


async def fill(cluster: Cluster, queue: str, count: int) -> None:
    """Put messages into a queue, numbered from 0."""
    messages = [Message(b'%d' % number) for number in range(count)]
    await soon(asyncio.gather(*cluster.publish_many(messages, routing_key=queue)))


def numbers(bodies: list[Any]) -> list[int]:
    """Give the numbers that `fill` has written."""
    return [int(body) for body in bodies]


@asynccontextmanager
async def cluster_with(node: NodeDefinition, queue: str, **options: Any) -> AsyncIterator[Cluster]:
    """Give a Cluster that has declared a queue."""
    async with Cluster(node, **options) as cluster:
        await soon(cluster.declare(Queue(queue, durable=True)))
        yield cluster
