"""Bells: who waits for one is woken, and the main thread runs its signal handlers meanwhile."""

from __future__ import annotations

import _thread
import signal
import threading

import pytest

from coolamqp.clustering.bell import SIGNAL_SECONDS, make_bell, wait_for

PATIENCE = 10.0  # seconds


@pytest.mark.parametrize('timeout', [0, -1, 0.01, SIGNAL_SECONDS + 0.01])
def test_a_bell_that_does_not_ring_is_waited_for_in_vain(timeout: float) -> None:
    assert not wait_for(make_bell(), timeout)


@pytest.mark.parametrize('timeout', [None, 0, PATIENCE])
def test_a_bell_that_has_rung_is_not_waited_for(timeout: float | None) -> None:
    bell = make_bell()
    bell.release()
    assert wait_for(bell, timeout)


def test_another_thread_waits_for_a_bell() -> None:
    bell, rung = make_bell(), threading.Event()

    def wait() -> None:
        assert wait_for(bell, None)
        rung.set()

    thread = threading.Thread(target=wait)
    thread.start()
    bell.release()
    thread.join(PATIENCE)
    assert rung.is_set()


def test_a_signal_that_does_not_end_the_wait_is_handled_nevertheless() -> None:
    """`interrupt_main` marks a signal as received, and wakes no thread."""
    bell = make_bell()
    before = signal.signal(signal.SIGUSR1, lambda *_: bell.release())
    caller = threading.Timer(SIGNAL_SECONDS / 4, _thread.interrupt_main, [signal.SIGUSR1])
    try:
        caller.start()
        assert wait_for(bell, PATIENCE)
    finally:
        signal.signal(signal.SIGUSR1, before)
        caller.join()
