"""Waiting until something holds."""

from __future__ import annotations

import asyncio

import pytest

from coolamqp.aio.condition import Condition


async def test_what_holds_already_is_not_waited_for() -> None:
    assert await Condition().wait_for(lambda: True, None)


async def test_all_who_wait_look_again_at_each_piece_of_news() -> None:
    condition, count = Condition(), 0
    waiting = [asyncio.create_task(condition.wait_for(lambda: count == 2, None)) for _ in range(3)]
    for _ in range(2):
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        count += 1
        condition.notify_all()

    assert await asyncio.gather(*waiting) == [True] * 3


async def test_it_ends_after_the_time_out() -> None:
    assert not await Condition().wait_for(lambda: False, 0.01)
    assert not await Condition().wait_for(lambda: False, 0)


async def test_who_is_cancelled_is_forgotten() -> None:
    condition = Condition()
    task = asyncio.create_task(condition.wait_for(lambda: False, None))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert condition._waiters == []
