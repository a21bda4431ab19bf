"""The waker: ends a sleep, from any thread and any number of times."""

from __future__ import annotations

import selectors
from collections.abc import Iterator

import pytest

from coolamqp.clustering.waker import Waker


@pytest.fixture
def selector(no_leaks: None) -> Iterator[selectors.BaseSelector]:
    with selectors.DefaultSelector() as selector:
        yield selector


@pytest.fixture
def waker(selector: selectors.BaseSelector) -> Iterator[Waker]:
    waker = Waker(selector)
    yield waker
    waker.close()


def is_woken(selector: selectors.BaseSelector) -> bool:
    return bool(selector.select(0))


def test_a_sleep_ends_once_for_each_call(selector: selectors.BaseSelector, waker: Waker) -> None:
    assert not is_woken(selector)
    waker.wake()
    assert is_woken(selector)
    waker.clear()
    assert not is_woken(selector)
    waker.wake()
    assert is_woken(selector)


def test_more_calls_than_fit_do_no_harm(selector: selectors.BaseSelector, waker: Waker) -> None:
    for _ in range(100_000):
        waker.wake()
    while is_woken(selector):
        waker.clear()
    waker.wake()
    assert is_woken(selector)


def test_waking_what_has_ended_does_no_harm(waker: Waker) -> None:
    waker.close()
    waker.wake()
