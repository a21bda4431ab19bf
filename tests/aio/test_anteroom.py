"""Publications that wait for room."""

from __future__ import annotations

import asyncio

import pytest

from coolamqp.aio.anteroom import Anteroom
from coolamqp.aio.future import ClusterFuture
from coolamqp.attaches.publication import Publication
from coolamqp.objects import Message


class Behind:
    """What is behind an anteroom: room for so many."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken: list[Publication] = []
        self.anteroom = Anteroom(lambda: len(self.taken) < self.room, self.taken.append)

    def submit(self, timeout: float | None = None) -> tuple[Publication, ClusterFuture]:
        publication, future = Publication(Message(b''), b'', b''), ClusterFuture()
        self.anteroom.submit(publication, future, timeout)
        return publication, future


async def test_who_finds_room_does_not_wait() -> None:
    behind = Behind(1)
    first, _ = behind.submit(timeout=0)

    assert behind.taken == [first]
    assert list(behind.anteroom) == []


async def test_those_who_wait_are_admitted_in_order_as_room_comes() -> None:
    behind = Behind(0)
    publications = [behind.submit()[0] for _ in range(3)]
    assert not behind.anteroom.admit()
    behind.room = 2

    assert behind.anteroom.admit()
    assert behind.taken == publications[:2]
    assert len(list(behind.anteroom)) == 1


async def test_nobody_overtakes_those_who_wait() -> None:
    behind = Behind(0)
    first, _ = behind.submit()
    behind.room = 5
    second, _ = behind.submit()
    assert behind.taken == []
    behind.anteroom.admit()

    assert behind.taken == [first, second]


async def test_who_waits_too_long_is_told_and_not_admitted() -> None:
    behind = Behind(0)
    _, hurried = behind.submit(timeout=0.01)
    patient, _ = behind.submit(timeout=100)

    with pytest.raises(TimeoutError, match='unconfirmed or unsent'):
        await hurried
    behind.room = 5
    behind.anteroom.admit()
    assert behind.taken == [patient]
    assert behind.anteroom._timers == {}


async def test_who_is_withdrawn_is_not_admitted() -> None:
    behind = Behind(0)
    withdrawn, _ = behind.submit(timeout=100)
    other, _ = behind.submit()

    assert behind.anteroom.withdraw(withdrawn)
    assert not behind.anteroom.withdraw(withdrawn)
    behind.anteroom.clear()
    assert behind.taken == [other]
    assert behind.anteroom._timers == {}


async def test_in_the_end_all_are_admitted_room_or_not() -> None:
    behind = Behind(0)
    publications = [behind.submit()[0] for _ in range(3)]
    behind.anteroom.clear()
    await asyncio.sleep(0)

    assert behind.taken == publications
