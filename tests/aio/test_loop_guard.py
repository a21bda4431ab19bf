"""The check that a Cluster is used on its own loop."""

from __future__ import annotations

import asyncio

import pytest

from coolamqp.aio.loop_guard import LoopGuard


def test_before_the_start_it_lets_everybody_in() -> None:
    with LoopGuard():
        pass


async def test_it_lets_in_who_runs_on_the_loop() -> None:
    guard = LoopGuard()
    guard.loop = asyncio.get_running_loop()
    with guard:
        pass


async def test_it_refuses_another_thread() -> None:
    guard = LoopGuard()
    guard.loop = asyncio.get_running_loop()
    with pytest.raises(RuntimeError, match='belongs to the event loop'):
        await asyncio.to_thread(guard.check)


async def test_it_refuses_another_loop() -> None:
    guard = LoopGuard()
    guard.loop = asyncio.new_event_loop()
    try:
        with pytest.raises(RuntimeError, match='belongs to the event loop'), guard:
            pass
    finally:
        guard.loop.close()


async def test_it_knows_that_the_loop_is_inside_and_another_thread_is_not() -> None:
    guard = LoopGuard()
    guard.loop = asyncio.get_running_loop()
    with guard:
        assert guard.is_mine()
        assert not await asyncio.to_thread(guard.is_mine)
    assert not guard.is_mine()
