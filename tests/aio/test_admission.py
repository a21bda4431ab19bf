"""Publications that wait for room."""

from __future__ import annotations

import asyncio

import pytest

from coolamqp.aio.admission import Admission
from coolamqp.aio.future import ClusterFuture
from coolamqp.attaches.publication import Publication
from coolamqp.objects import Message


class Behind:
    """What is behind an admission: room for so many."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken: list[Publication] = []
        self.admission = Admission(lambda: len(self.taken) < self.room, self.taken.append)

    def submit(self, timeout: float | None = None) -> tuple[Publication, ClusterFuture]:
        publication, future = Publication(Message(b''), b'', b''), ClusterFuture()
        self.admission.submit(publication, future, timeout)
        return publication, future


async def test_who_finds_room_does_not_wait() -> None:
    behind = Behind(1)
    first, _ = behind.submit(timeout=0)

    assert behind.taken == [first]
    assert list(behind.admission) == []


async def test_those_who_wait_are_admitted_in_order_as_room_comes() -> None:
    behind = Behind(0)
    publications = [behind.submit()[0] for _ in range(3)]
    assert not behind.admission.admit()
    behind.room = 2

    assert behind.admission.admit()
    assert behind.taken == publications[:2]
    assert len(list(behind.admission)) == 1


async def test_nobody_overtakes_those_who_wait() -> None:
    behind = Behind(0)
    first, _ = behind.submit()
    behind.room = 5
    second, _ = behind.submit()
    assert behind.taken == []
    behind.admission.admit()

    assert behind.taken == [first, second]


async def test_who_waits_too_long_is_told_and_not_admitted() -> None:
    behind = Behind(0)
    _, hurried = behind.submit(timeout=0.01)
    patient, _ = behind.submit(timeout=100)

    with pytest.raises(TimeoutError, match='unconfirmed or unsent'):
        await hurried
    behind.room = 5
    behind.admission.admit()
    assert behind.taken == [patient]
    assert behind.admission._timers == {}


async def test_who_is_withdrawn_is_not_admitted() -> None:
    behind = Behind(0)
    withdrawn, _ = behind.submit(timeout=100)
    other, _ = behind.submit()

    assert behind.admission.withdraw(withdrawn)
    assert not behind.admission.withdraw(withdrawn)
    behind.admission.clear()
    assert behind.taken == [other]
    assert behind.admission._timers == {}


async def test_in_the_end_all_are_admitted_room_or_not() -> None:
    behind = Behind(0)
    publications = [behind.submit()[0] for _ in range(3)]
    behind.admission.clear()
    await asyncio.sleep(0)

    assert behind.taken == publications
