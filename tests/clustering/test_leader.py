"""The helm: who drives, and that nobody keeps it who does not drive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from coolamqp.clustering.leader import (
    LONGEST_KEEPING,
    PATIENCE,
    QUIET,
    SHORTEST_KEEPING,
    Leadership,
)

LONG = 10.0  # seconds


class Crew:
    """A helm, and a thread that stands by as the I/O thread does."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.helm = Leadership(self.lock)
        self._thread = threading.Thread()

    def lend(self) -> None:
        """Lend it to this thread."""
        with self.lock:
            self.helm.lend(threading.current_thread())
        self._thread = threading.Thread(target=self.helm.stand_by)
        self._thread.start()

    def await_the_end(self) -> None:
        """Wait until the I/O thread stands by no more."""
        self._thread.join(LONG)
        assert not self._thread.is_alive()

    def resume(self) -> bool:
        """Come back from callbacks."""
        with self.lock:
            return self.helm.resume()

    def leave(self) -> None:
        """Go to run callbacks."""
        with self.lock:
            self.helm.leave()

    def give_back(self) -> None:
        """Let the I/O thread drive."""
        with self.lock:
            self.helm.give_back()

    def may_lend_after(self, seconds: float) -> bool:
        """Whether it might be lent at that time from now."""
        return self.helm.may_lend(time.monotonic() + seconds)


@pytest.fixture
def crew(no_leaks: None) -> Iterator[Crew]:
    crew = Crew()
    yield crew
    crew.give_back()
    crew.await_the_end()


def drive_past_the_watch(crew: Crew) -> None:
    assert crew.resume()
    threading.Event().wait((QUIET + 2) * PATIENCE)


def test_who_drives_keeps_it(crew: Crew) -> None:
    crew.lend()
    drive_past_the_watch(crew)
    assert crew.resume()


@pytest.mark.parametrize('before', [lambda _crew: None, drive_past_the_watch])
def test_who_does_not_come_back_loses_it(crew: Crew, before: Callable[[Crew], None]) -> None:
    crew.lend()
    before(crew)
    if not crew.helm.away:
        crew.leave()
    crew.await_the_end()
    assert not crew.resume()


def test_it_is_given_back_at_once_by_who_is_about_to_wait(crew: Crew) -> None:
    crew.lend()
    assert crew.resume()
    crew.give_back()
    crew.await_the_end()
    assert not crew.resume()


def test_only_the_holder_gives_it_back(crew: Crew) -> None:
    crew.lend()
    assert crew.resume()
    other = threading.Thread(target=crew.give_back)
    other.start()
    other.join(LONG)
    assert crew.resume()


def test_it_is_kept_longer_each_time_that_it_was_lost(crew: Crew) -> None:
    assert crew.may_lend_after(0)
    keeping = SHORTEST_KEEPING
    while keeping < LONGEST_KEEPING:
        crew.lend()
        crew.give_back()
        crew.await_the_end()
        assert not crew.may_lend_after(0.9 * keeping)
        assert crew.may_lend_after(1.1 * keeping)
        keeping *= 2
    crew.lend()
