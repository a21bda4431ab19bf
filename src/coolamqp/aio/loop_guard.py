"""The loop guard: checks that a call comes from the event loop of its Cluster.

It takes the place of the lock of a Cluster by threads.
"""

from __future__ import annotations

import asyncio


class LoopGuard:
    """Lets in calls from the event loop, one at a time, and refuses all others.

    :ivar loop: the loop on which the Cluster was started; None before that
    :ivar entered: whether a call is in progress
    """

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.entered = False

    def __enter__(self) -> None:
        self.check()
        self.entered = True

    def __exit__(self, *_: object) -> None:
        self.entered = False

    def is_mine(self) -> bool:
        """Whether a finalizer or a signal handler on the loop has interrupted a call."""
        return self.entered and _running_loop() is self.loop

    def on_loop(self) -> bool:
        """Whether the caller runs on the loop of the Cluster."""
        return _running_loop() is self.loop

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
