"""The loop guard: checks that a call comes from the event loop of its Cluster.

It takes the place of the lock of a Cluster by threads.
"""

from __future__ import annotations

import asyncio


class LoopGuard:
    """Lets in calls from the event loop, and refuses all others.

    :ivar loop: the loop on which the Cluster was started; None before that
    """

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> None:
        self.check()

    def __exit__(self, *_: object) -> None:
        return

    def check(self) -> None:
        """Refuse a call from elsewhere.

        :raises RuntimeError: the call comes from another thread or loop, or no loop is running
        """
        if self.loop is not None and _running_loop() is not self.loop:
            raise RuntimeError(
                'this Cluster belongs to the event loop on which it was started, and may be used '
                'there only; from another thread, use loop.call_soon_threadsafe or '
                'asyncio.run_coroutine_threadsafe'
            )


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
