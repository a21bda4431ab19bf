"""The age of unconfirmed publications, from marks of the time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolamqp.attaches.publish_times import MARKS_MAX, RESOLUTION, PublishTimes

START = 1000.0


class Marks:
    """Publish times with a clock, and the true time of each publication."""

    def __init__(self) -> None:
        self.now = START
        self.oldest = 0
        self.times = PublishTimes(lambda: self.oldest)
        self.published: dict[int, float] = {}

    def publish(self, count: int = 1, after: float = 0.0) -> None:
        """Publish, some seconds later, and mark the time as the engine does in its next turn."""
        self.now += after
        for _ in range(count):
            self.published[len(self.published) + 1] = self.now
        self.oldest = self.oldest or 1
        self.mark()

    def mark(self) -> None:
        self.times.mark(len(self.published), self.now)

    def age(self, number: int) -> float:
        return self.times.age(number, self.now)


def test_a_publication_has_the_age_since_its_mark() -> None:
    marks = Marks()
    marks.publish()
    marks.publish(after=5.0)
    marks.now += 2.0

    assert (marks.age(1), marks.age(2)) == (7.0, 2.0)


def test_a_publication_without_a_mark_is_new() -> None:
    marks = Marks()
    marks.publish()
    marks.now += 60.0

    assert marks.age(2) == 0.0


def test_time_without_publications_ages_only_what_is_there() -> None:
    marks = Marks()
    marks.publish()
    for _ in range(10):
        marks.now += 60.0
        marks.mark()
    marks.publish(after=1.0)

    assert (marks.age(1), marks.age(2)) == (601.0, 0.0)


def test_a_burst_needs_one_mark() -> None:
    marks = Marks()
    for _ in range(50):
        marks.publish(after=RESOLUTION / 100)

    assert len(marks.times) <= 1


def test_marks_of_confirmed_publications_are_forgotten() -> None:
    marks = Marks()
    for number in range(1, 1000):
        marks.publish(after=1.0)
        marks.oldest = number

    assert len(marks.times) <= 3


def test_a_clock_that_goes_back_makes_no_negative_age() -> None:
    marks = Marks()
    marks.publish()

    assert marks.times.age(1, START - 5.0) == 0.0


@given(st.lists(st.tuples(st.integers(1, 5), st.floats(0.0, 30.0)), min_size=1, max_size=300))
def test_many_marks_stay_few_and_roughly_right(published: list[tuple[int, float]]) -> None:
    marks = Marks()
    for count, after in published:
        marks.publish(count, after)

    assert len(marks.times) <= MARKS_MAX + 1
    span = marks.now - START
    for number, time in marks.published.items():
        # Not too young, and too old by no more than two marks.
        true = marks.now - time
        assert true - 1e-9 <= marks.age(number) <= true + RESOLUTION + span * 4 / MARKS_MAX


@pytest.mark.parametrize('number', [1, 2])
def test_ages_do_not_fall_when_marks_are_joined(number: int) -> None:
    marks = Marks()
    marks.publish(2)
    last = 0.0
    for _ in range(5 * MARKS_MAX):
        marks.publish(after=1.0)
        assert marks.age(number) >= last
        last = marks.age(number)
    assert last == 5.0 * MARKS_MAX
