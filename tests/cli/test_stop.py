"""The end of a command by a signal."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from coolamqp.cli.stop import SIGNALS, Stop


@pytest.mark.parametrize('number', SIGNALS)
def test_the_first_signal_interrupts_nothing_and_the_second_does(number: signal.Signals) -> None:
    with Stop() as stop:
        signal.raise_signal(number)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


def test_the_handlers_of_before_come_back() -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with Stop():
        assert [signal.getsignal(each) for each in SIGNALS] != before

    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_a_signal_wakes_what_waits() -> None:
    bell: SimpleQueue[None] = SimpleQueue()
    with Stop() as stop:
        stop.wakes(bell)
        signal.raise_signal(signal.SIGINT)

        assert bell.get(timeout=10) is None
        began = time.monotonic()
        stop.sleep(60)
        assert time.monotonic() - began < 30


def test_items_come_until_the_signal() -> None:
    with Stop() as stop:
        got = []
        for item in stop.until_stopped(range(10)):
            got.append(item)
            if item == 3:
                signal.raise_signal(signal.SIGINT)

    assert got == [0, 1, 2, 3]


def test_a_signal_ends_the_wait_for_an_item() -> None:
    def waiting() -> Iterator[int]:
        yield 1
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
        yield 2

    with Stop() as stop:
        assert list(stop.until_stopped(waiting())) == [1]
        assert stop.requested


def test_items_come_at_a_rate() -> None:
    with Stop() as stop:
        began = time.monotonic()
        assert list(stop.at_rate('abcde', 50.0)) == list('abcde')
        assert time.monotonic() - began >= 4 / 50
        assert list(stop.at_rate('abcde', None)) == list('abcde')
