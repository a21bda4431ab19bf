"""The two faces of CoolAMQP behind one set of calls, so that a test is written once for both.

A test is a coroutine function that uses a `coolamqp.aio.Cluster`. On the face for threads it gets
an `AwaitedCluster`: calls that block there run in a worker thread, and futures can be awaited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, Self, cast

from coolamqp import aio, clustering
from coolamqp.attaches import Consumer
from coolamqp.clustering.messages import MessageIterator
from coolamqp.objects import Queue, ReceivedMessage

BLOCKING = {'drain', 'shutdown', 'start', 'wait_connected', 'wait_for_confirms'}
FUTURES = {
    'add_consumer', 'bind', 'bind_exchange', 'call', 'declare', 'delete_exchange', 'delete_queue',
    'get', 'publish', 'purge', 'unbind', 'unbind_exchange',
}  # fmt: skip


class AwaitedFuture(asyncio.Future[Any]):
    """A future of a Cluster for threads, to be awaited; cancelling it takes its message back."""

    def __init__(self, future: Future[Any]) -> None:
        super().__init__()
        self._future = future
        future.add_done_callback(lambda _: self.get_loop().call_soon_threadsafe(self._end))

    def _end(self) -> None:
        if self.done():
            return  # It was cancelled.
        error = self._future.exception()
        if error is None:
            self.set_result(self._future.result())
        else:
            self.set_exception(error)

    def cancel(self, msg: Any = None) -> bool:
        withdrawn = self._future.cancel()
        super().cancel(msg)
        return withdrawn


def awaitable(future: Any) -> asyncio.Future[Any]:
    """Return a future of either face as one that can be awaited.

    A plain publish returns None by threads; that has ended. A callback on a thread of the Cluster
    has no loop, so what it is returned stays as it is.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return cast('asyncio.Future[Any]', future)
    if future is None:
        future = loop.create_future()
        future.set_result(None)
    return AwaitedFuture(future) if isinstance(future, Future) else future


async def result(future: Any) -> Any:
    """Await a future that a consumer or a message returned, of either face."""
    return await awaitable(future)


def blocking(callback: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    """Return a callback for threads: a coroutine function runs on the loop, and its thread waits.

    Plain functions stay as they are: they run on a thread of the Cluster.
    """
    if callback is None or not iscoroutinefunction(callback):
        return callback
    loop = asyncio.get_running_loop()

    def on_message(message: ReceivedMessage) -> None:
        asyncio.run_coroutine_threadsafe(callback(message), loop).result()

    return on_message


class AwaitedBlock:
    """The block of a `with` statement, entered and left in a worker thread."""

    def __init__(self, block: AbstractContextManager[Any]) -> None:
        self._block = block

    async def __aenter__(self) -> Any:
        return await asyncio.to_thread(self._block.__enter__)

    async def __aexit__(self, *raised: Any) -> bool | None:  # noqa: PYI036 - passed on
        return await asyncio.to_thread(self._block.__exit__, *raised)


class AwaitedMessages:
    """An iteration over messages, whose steps wait in a worker thread.

    :param begin: starts the iteration; it blocks until consuming has begun
    """

    def __init__(self, begin: Callable[[], MessageIterator]) -> None:
        self._begin = begin
        self._messages: MessageIterator | None = None

    async def _begun(self) -> MessageIterator:
        if self._messages is None:
            self._messages = await asyncio.to_thread(self._begin)
        return self._messages

    @property
    def consumer(self) -> Consumer:
        assert self._messages is not None, 'the iteration has not begun'
        return self._messages.consumer

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ReceivedMessage:
        message = await asyncio.to_thread(next, await self._begun(), None)
        if message is None:
            raise StopAsyncIteration
        return message

    async def __aenter__(self) -> Self:
        await self._begun()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread((await self._begun()).close)


class AwaitedCluster:
    """A Cluster for threads with the calls of a Cluster for asyncio."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._cluster = clustering.Cluster(*arguments, **options)

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._cluster, name)
        if name in BLOCKING:
            return partial(asyncio.to_thread, attribute)
        if name in FUTURES:
            return lambda *arguments, **options: awaitable(attribute(*arguments, **options))
        return attribute

    def consume(
        self, queue: Queue | str, on_message: Callable[[Any], Any] | None = None, **options: Any
    ) -> tuple[Consumer, asyncio.Future[Any]]:
        consumer, ready = self._cluster.consume(queue, blocking(on_message), **options)
        return consumer, awaitable(ready)

    def publish_many(self, *arguments: Any, **options: Any) -> list[asyncio.Future[Any]]:
        return [awaitable(each) for each in self._cluster.publish_many(*arguments, **options)]

    def messages(self, *arguments: Any, **options: Any) -> AwaitedMessages:
        return AwaitedMessages(partial(self._cluster.messages, *arguments, **options))

    def transaction(self, timeout: float | None = None) -> AwaitedBlock:
        return AwaitedBlock(self._cluster.transaction(timeout))

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._cluster.start)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._cluster.shutdown)


FACES: dict[str, type[aio.Cluster]] = {
    'threads': cast('type[aio.Cluster]', AwaitedCluster),
    'asyncio': aio.Cluster,
}
