"""The check that stands where threads have a lock: a Cluster belongs to one event loop."""

from __future__ import annotations

import asyncio


class LoopGuard:
    """Lets in who runs on the loop, and nobody else.

    :ivar loop: the loop on which the Cluster was started; None before that
    """

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> None:
        self.check()

    def __exit__(self, *_: object) -> None:
        return

    def check(self) -> None:
        """Refuse whoever is elsewhere.

        :raises RuntimeError: another thread, another loop, or none that runs
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
