"""The futures of a Cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from coolamqp.aio.future import ClusterFuture, publish_with
from coolamqp.attaches.publication import Publication
from coolamqp.objects import Message
from tests.both.support import PATIENCE


class Withdrawal:
    """Counts how often a message is taken back.

    :param possible: whether the message was not sent yet
    """

    def __init__(self, possible: bool) -> None:
        self.count = 0
        self._possible = possible

    def withdraw(self, publication: Publication) -> bool:
        """Take it back."""
        self.count += 1
        return self._possible


def withdrawable(possible: bool = True) -> tuple[ClusterFuture, Withdrawal]:
    future, withdrawal = ClusterFuture(), Withdrawal(possible)
    publish_with(future, Publication(Message(b''), b'', b'key'), withdrawal)
    return future, withdrawal


async def test_cancelling_takes_the_message_back_once() -> None:
    future, withdrawal = withdrawable()

    assert future.cancel()
    assert not future.cancel()
    assert future.cancelled()
    assert withdrawal.count == 1


def waits(future: ClusterFuture) -> Coroutine[Any, Any, Any]:
    """Await a future."""

    async def wait() -> None:
        await future

    return wait()


def gathers(future: ClusterFuture) -> Coroutine[Any, Any, Any]:
    """Await it together with another one, which never ends."""

    async def gather() -> None:
        await asyncio.gather(future, ClusterFuture(), return_exceptions=True)

    return gather()


def limits(future: ClusterFuture) -> Coroutine[Any, Any, Any]:
    """Await it with a limit."""
    return asyncio.wait_for(future, PATIENCE)


@pytest.mark.parametrize('wait', [waits, gathers, limits])
@pytest.mark.parametrize('possible', [True, False])
async def test_cancelling_a_task_that_awaits_it_takes_the_message_back_and_ends_the_task(
    wait: Callable[[ClusterFuture], Coroutine[Any, Any, Any]], possible: bool
) -> None:
    future, withdrawal = withdrawable(possible)
    task = asyncio.create_task(wait(future))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, PATIENCE)
    assert withdrawal.count == 1


async def test_a_message_that_was_sent_is_not_taken_back_and_its_wait_ends() -> None:
    future, _ = withdrawable(possible=False)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(future, 0)
    assert future.cancelled()

    future, _ = withdrawable(possible=False)
    assert not future.cancel()
    with pytest.raises(asyncio.CancelledError):
        await future


async def test_another_call_cannot_be_taken_back() -> None:
    future = ClusterFuture()
    assert not future.cancel()
    assert future.cancelled()


async def test_nothing_is_taken_back_once_it_has_ended() -> None:
    well, withdrawal = withdrawable()
    well.set_result(None)
    badly, other_withdrawal = withdrawable()
    badly.set_exception(TimeoutError('too late'))

    assert not well.cancel()
    assert not badly.cancel()
    assert withdrawal.count == other_withdrawal.count == 0
    with pytest.raises(TimeoutError):
        await badly
