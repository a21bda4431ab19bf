"""The window of unconfirmed messages for adapters with futures or coroutines."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bench.measurement import Measurement
from bench.task import WINDOW, Task


def in_window(task: Task, send: Callable[[], Any]) -> None:
    """Send all messages, with at most `WINDOW` unfinished futures."""
    futures: deque[Any] = deque()
    for _ in range(task.messages):
        if len(futures) == WINDOW:
            futures.popleft().result()
        futures.append(send())
    for future in futures:
        future.result()


async def awaited_in_window(task: Task, send: Callable[[], Awaitable[Any]]) -> None:
    """Send all messages, with at most `WINDOW` unfinished coroutines."""
    pending: deque[asyncio.Future[Any]] = deque()
    for _ in range(task.messages):
        if len(pending) == WINDOW:
            await pending.popleft()
        pending.append(asyncio.ensure_future(send()))
    await asyncio.gather(*pending)


def on_loop(work: Callable[[Task], Coroutine[Any, Any, Measurement]]) -> Any:
    """Return a plain function that runs a coroutine function."""
    return lambda task: asyncio.run(work(task))
