"""Publications that wait for room in the publish window."""

from __future__ import annotations

import gc
import weakref

import pytest

from coolamqp.attaches.effects import Effects
from coolamqp.attaches.publication import Publication
from coolamqp.objects import Message
from coolamqp.supervisor.admission import Admission, Waiting
from coolamqp.timers import Timers
from tests.support.ending import Ending


class Room:
    """An admission, and the room behind it."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.admitted: list[Publication] = []
        self.effects = Effects()
        self.timers = Timers(0.0)
        self.admission = Admission(self._has_room, self.admitted.append, self.effects, self.timers)

    def _has_room(self) -> bool:
        return len(self.admitted) < self.room

    def enqueue(self, timeout: float | None = None) -> Waiting:
        publication = Publication(Message(b''), b'', b'')
        publication.promise = Ending()
        return self.admission.enqueue(publication, timeout)

    def failures(self) -> list[type[BaseException]]:
        return [type(each.error) for each in self.effects.completions if each.error]


def promise_of(waiting: Waiting) -> Ending:
    promise = waiting.publication.promise
    assert isinstance(promise, Ending)
    return promise


def test_publications_are_admitted_in_order_as_room_comes() -> None:
    room = Room(0)
    waiting = [room.enqueue() for _ in range(3)]
    room.admission.admit_waiting()
    assert not any(each.over for each in waiting)

    room.room = 2
    room.admission.admit_waiting()

    assert room.admitted == [each.publication for each in waiting[:2]]
    assert [each.over for each in waiting] == [True, True, False]
    assert list(room.admission) == [waiting[2].publication]


def test_a_publication_whose_time_runs_out_fails_and_lets_the_next_pass() -> None:
    room = Room(0)
    first, second = room.enqueue(timeout=2.0), room.enqueue()
    room.timers.advance(1.999)
    assert room.failures() == []

    room.timers.advance(2.0)
    room.room = 1
    room.admission.admit_waiting()

    assert isinstance(first.error, TimeoutError)
    assert room.failures() == [TimeoutError]
    assert room.admitted == [second.publication]


def test_time_means_nothing_to_a_publication_that_was_admitted() -> None:
    room = Room(1)
    waiting = room.enqueue(timeout=2.0)
    room.admission.admit_waiting()
    room.timers.advance(5.0)

    assert waiting.error is None
    assert room.failures() == []


def test_nothing_keeps_a_publication_whose_wait_is_over() -> None:
    room = Room(1)
    promise = weakref.ref(promise_of(room.enqueue(timeout=1000.0)))
    room.admission.admit_waiting()
    room.admitted.clear()
    gc.collect()

    assert promise() is None


@pytest.mark.parametrize('which', [0, 1])
def test_a_publication_that_is_withdrawn_is_never_admitted(which: int) -> None:
    room = Room(0)
    waiting = [room.enqueue(timeout=1.0) for _ in range(2)]
    assert room.admission.withdraw(waiting[which].publication)
    assert not room.admission.withdraw(waiting[which].publication)
    room.room = 5
    room.admission.admit_waiting()
    room.timers.advance(9.0)

    assert room.admitted == [waiting[1 - which].publication]
    assert waiting[which].over
    assert room.failures() == []


def test_at_the_end_those_whose_promise_a_program_has_are_admitted_whatever_the_room() -> None:
    room = Room(0)
    waiting = [room.enqueue() for _ in range(3)]
    waiting[1].raises = True
    room.admission.end(ConnectionError('over'))

    assert room.admitted == [waiting[0].publication, waiting[2].publication]
    assert isinstance(waiting[1].error, ConnectionError)
    assert all(each.over for each in waiting)
    assert room.failures() == []


def test_or_all_fail() -> None:
    room = Room(0)
    waiting = [room.enqueue() for _ in range(2)]
    room.admission.fail_all(ConnectionError('over'))

    assert all(isinstance(each.error, ConnectionError) for each in waiting)
    assert room.failures() == [ConnectionError] * 2
    assert room.admitted == []
