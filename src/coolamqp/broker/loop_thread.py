"""A thread with an asyncio event loop, and calls on this loop from other threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar('T')


class LoopThread:
    """A thread with an event loop. The constructor starts it.

    :param name: the name of the thread
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop."""
        return self._loop

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the thread, and wait for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join()


def call_on(loop: asyncio.AbstractEventLoop, function: Callable[[], T]) -> T:
    """Call a function on the thread of a loop, and return its result.

    On the thread of the loop, call the function directly. On another thread, wait for the result.
    """
    if _is_here(loop):
        return function()

    async def call() -> T:
        return function()

    return run_on(loop, call())


def run_on(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of another thread, and wait for its result.

    :raises RuntimeError: this is the thread of the loop, which cannot wait for itself
    """
    if _is_here(loop):
        coroutine.close()
        raise RuntimeError(
            'this call would block the event loop of the broker; call it from another thread'
        )
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result()


def _is_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
