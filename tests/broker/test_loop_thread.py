"""A thread with a loop, and calls on it from anywhere."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from coolamqp.broker.loop_thread import LoopThread, call_on, run_on

pytestmark = pytest.mark.usefixtures('no_leaks')


@pytest.fixture
def thread(no_leaks: None) -> Iterator[LoopThread]:
    """A thread with a loop."""
    thread = LoopThread('of a test')
    yield thread
    thread.close()


async def name() -> str:
    return threading.current_thread().name


async def fail() -> None:
    raise ZeroDivisionError('here')


def test_a_coroutine_runs_on_the_thread(thread: LoopThread) -> None:
    assert thread.run(name()) == 'of a test'
    assert run_on(thread.loop, name()) == 'of a test'
    with pytest.raises(ZeroDivisionError):
        thread.run(fail())


def test_a_function_runs_on_the_thread(thread: LoopThread) -> None:
    assert call_on(thread.loop, lambda: threading.current_thread().name) == 'of a test'
    with pytest.raises(ZeroDivisionError):
        call_on(thread.loop, lambda: 1 // 0)


def test_a_call_from_the_thread_itself_is_made_at_once(thread: LoopThread) -> None:
    async def outer() -> str:
        return call_on(thread.loop, lambda: threading.current_thread().name)

    assert thread.run(outer()) == 'of a test'


def test_the_thread_does_not_wait_for_itself(thread: LoopThread) -> None:
    async def outer() -> None:
        run_on(thread.loop, name())

    with pytest.raises(RuntimeError, match='call it from another thread'):
        thread.run(outer())


def test_another_loop_may_call(thread: LoopThread) -> None:
    async def outer() -> str:
        return call_on(thread.loop, lambda: threading.current_thread().name)

    assert asyncio.run(outer()) == 'of a test'


def test_a_thread_may_close_itself(no_leaks: None) -> None:
    thread = LoopThread('of a test')
    thread.loop.call_soon_threadsafe(thread.close)
    thread._thread.join(10)
    assert thread.loop.is_closed()
