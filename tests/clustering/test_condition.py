"""The light condition: who waits is notified, the latest first, once."""

from __future__ import annotations

import threading

import pytest

from coolamqp.clustering.condition import Condition

PATIENCE = 10.0  # seconds


def test_waiting_ends_when_the_time_is_over() -> None:
    condition = Condition()
    with condition:
        assert not condition.wait(0.01)
        assert not condition.wait_for(lambda: False, 0.01)


def test_a_notification_wakes_one_that_waits() -> None:
    condition = Condition()
    woken: list[int] = []
    threads = [_waiting(condition, woken, number) for number in range(2)]
    with condition:
        condition.notify()
    threads[1].join(PATIENCE)
    assert woken == [1]
    with condition:
        condition.notify_all()
    threads[0].join(PATIENCE)
    assert woken == [1, 0]


def test_a_notification_is_for_those_who_wait_already() -> None:
    condition = Condition()
    with condition:
        condition.notify_all()
        assert not condition.wait(0.01)


def test_waiting_for_what_is_so_does_not_wait() -> None:
    condition = Condition()
    with condition:
        assert condition.wait_for(lambda: True, PATIENCE)


def test_the_lock_is_held_in_its_block_and_free_while_waiting() -> None:
    condition = Condition()
    held = True

    def notify() -> None:
        with condition:
            assert not held
            condition.notify()

    with condition:
        threading.Thread(target=notify).start()
        held = False
        assert condition.wait(PATIENCE)


def test_what_the_predicate_raises_comes_out_and_leaves_the_lock_free() -> None:
    condition = Condition()

    def fail() -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), condition:
        condition.wait_for(fail, PATIENCE)
    with condition:
        pass


def _waiting(condition: Condition, woken: list[int], number: int) -> threading.Thread:
    """Start a thread that waits, and give it once it does."""
    begun = threading.Event()

    def wait() -> None:
        with condition:
            begun.set()
            if condition.wait(PATIENCE):
                woken.append(number)

    thread = threading.Thread(target=wait)
    thread.start()
    begun.wait(PATIENCE)
    with condition:  # which is free only once it waits
        return thread
