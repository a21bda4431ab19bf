"""A condition that needs no lock: any number of tasks wait until something holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Condition:
    """Where tasks of one event loop wait for a change."""

    def __init__(self) -> None:
        self._waiters: list[asyncio.Future[None]] = []

    def notify_all(self) -> None:
        """Wake all waiting tasks. Each checks its condition again."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait_for(self, holds: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until something holds.

        :param timeout: seconds; None for as long as it takes
        :returns: whether it does
        """
        if holds():
            return True
        try:
            async with asyncio.timeout(timeout):
                while not holds():
                    await self._wait()
        except TimeoutError:
            return holds()
        return True

    async def _wait(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._waiters:  # it was cancelled
                self._waiters.remove(waiter)
