"""The waker: ends a sleep, from any thread and any number of times."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coolamqp.clustering.waker import Waker
from coolamqp.net.watches import Watches


@pytest.fixture
def waker(watches: Watches) -> Iterator[Waker]:
    waker = Waker(watches)
    yield waker
    waker.close()


def is_woken(watches: Watches) -> bool:
    return bool(watches.wait(0))


def test_a_sleep_ends_once_for_each_call(watches: Watches, waker: Waker) -> None:
    assert not is_woken(watches)
    waker.wake()
    assert is_woken(watches)
    waker.clear()
    assert not is_woken(watches)
    waker.wake()
    assert is_woken(watches)


def test_more_calls_than_fit_do_no_harm(watches: Watches, waker: Waker) -> None:
    for _ in range(100_000):
        waker.wake()
    while is_woken(watches):
        waker.clear()
    waker.wake()
    assert is_woken(watches)


def test_waking_what_has_ended_does_no_harm(waker: Waker) -> None:
    waker.close()
    waker.wake()
