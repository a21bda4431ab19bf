"""Running a test that is a coroutine function, on a loop of its own that must end quietly."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Final, TypeAlias

import uvloop

LoopFactory: TypeAlias = Callable[[], asyncio.AbstractEventLoop]
LOOPS: Final[dict[str, LoopFactory]] = {
    'asyncio': asyncio.new_event_loop,
    'uvloop': uvloop.new_event_loop,
}


def run_test(
    test: Callable[..., Coroutine[Any, Any, None]],
    fixtures: Mapping[str, Any],
    make_loop: LoopFactory = asyncio.new_event_loop,
) -> None:
    """Run a test; fixtures that are asynchronous context managers are entered on its loop."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            entered = dict(fixtures)
            for name, fixture in fixtures.items():
                if isinstance(fixture, AbstractAsyncContextManager):
                    entered[name] = await stack.enter_async_context(fixture)
            await test(**entered)

    run_quietly(run(), make_loop)


def run_quietly(
    coroutine: Coroutine[Any, Any, None], make_loop: LoopFactory = asyncio.new_event_loop
) -> None:
    """Run to the end, and fail if asyncio complains, be it of a task or future that is left over.

    asyncio complains of such a future when its last reference is gone, so garbage is collected.
    """
    complaints: list[dict[str, Any]] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        await coroutine

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(run())
    gc.collect()
    assert complaints == []
