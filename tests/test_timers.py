"""The clock that is told, and the calls that are due."""

from __future__ import annotations

from math import inf

from coolamqp.timers import CANCELLED_MAX, Timers


def test_calls_are_made_in_the_order_in_which_they_are_due() -> None:
    timers, called = Timers(100.0), list[str]()
    assert timers.wake_at() == inf
    timers.after(2, lambda: called.append('late'))
    timers.after(1, lambda: called.append('early'))
    timers.after(1, lambda: called.append('early too'))
    assert timers.wake_at() == 101.0
    timers.advance(100.999)
    assert called == []
    timers.advance(101.0)
    assert called == ['early', 'early too']
    assert timers.wake_at() == 102.0
    timers.advance(500.0)
    assert called[2:] == ['late']


def test_a_call_may_ask_for_another_and_all_can_be_forgotten() -> None:
    timers, called = Timers(0.0), list[int]()

    def again() -> None:
        timers.after(0, lambda: called.append(1))

    timers.after(0, again)
    timers.advance(0.0)
    assert called == [1]
    timers.after(1, lambda: called.append(2))
    timers.clear()
    timers.advance(2.0)
    assert called == [1]


def test_a_cancelled_call_is_not_made_and_wakes_nobody() -> None:
    timers, called = Timers(0.0), list[int]()
    first = timers.after(1, lambda: called.append(1))
    timers.after(2, lambda: called.append(2))
    timers.cancel(first)
    timers.cancel(first)
    assert timers.wake_at() == 2.0
    timers.advance(3.0)
    timers.cancel(first)
    assert called == [2]
    assert timers.wake_at() == inf


def test_cancelled_calls_do_not_fill_the_memory() -> None:
    timers, called = Timers(0.0), list[int]()
    timers.after(5, lambda: called.append(0))
    for _ in range(100 * CANCELLED_MAX):
        timers.cancel(timers.after(9, lambda: called.append(1)))
    assert len(timers) <= 2 * CANCELLED_MAX
    timers.advance(10.0)
    assert called == [0]
