"""The futures of a Cluster."""

from __future__ import annotations

import asyncio

import pytest

from coolamqp.aio.future import ClusterFuture, publish_with
from coolamqp.attaches.publication import Publication
from coolamqp.objects import Message


class Withdrawal:
    """Counts how often a message is taken back."""

    def __init__(self) -> None:
        self.count = 0

    def withdraw(self, publication: Publication) -> None:
        """Take it back."""
        self.count += 1


def withdrawable() -> tuple[ClusterFuture, Withdrawal]:
    future, withdrawal = ClusterFuture(), Withdrawal()
    publish_with(future, Publication(Message(b''), b'', b'key'), withdrawal)
    return future, withdrawal


async def test_cancelling_takes_the_message_back_once() -> None:
    future, withdrawal = withdrawable()

    assert future.cancel()
    assert not future.cancel()
    assert future.cancelled()
    assert withdrawal.count == 1


async def test_cancelling_a_task_that_awaits_it_takes_the_message_back() -> None:
    future, withdrawal = withdrawable()

    async def wait() -> None:
        await future

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert withdrawal.count == 1


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
