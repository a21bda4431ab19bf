"""The clock that is told, and the calls that are due."""

from __future__ import annotations

from math import inf

from coolamqp.attaches.timers import Timers


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
    timers.after(0, lambda: timers.after(0, lambda: called.append(1)))
    timers.advance(0.0)
    assert called == [1]
    timers.after(1, lambda: called.append(2))
    timers.clear()
    timers.advance(2.0)
    assert called == [1]
