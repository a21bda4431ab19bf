"""The lead: which thread drives, and that a thread which does not drive loses it."""

from __future__ import annotations

import threading

import pytest

from coolamqp.clustering.leader import (
    LONGEST_KEEPING,
    QUIET_CHECKS,
    SHORTEST_KEEPING,
    Leadership,
)

LONG = 10.0  # seconds


class Lead:
    """The lead, on a manual clock; this thread takes the part of both threads."""

    def __init__(self) -> None:
        self.now = 100.0
        self.lock = threading.RLock()
        self.leadership = Leadership(self.lock, lambda: self.now)
        self._departures = 0

    def lend(self) -> None:
        with self.lock:
            self.leadership.lend(threading.current_thread())
        self._departures = 0

    def resume(self) -> bool:
        with self.lock:
            return self.leadership.resume()

    def leave(self) -> None:
        with self.lock:
            self.leadership.leave()
            self._departures += 1

    def give_back(self) -> None:
        with self.lock:
            self.leadership.give_back()

    def check(self, *, departed: bool = False) -> None:
        """Check, as the thread that stands by does when its time is over."""
        with self.lock:
            self.leadership.check(self._departures - departed)

    def leads(self) -> bool:
        """Whether this thread leads."""
        return self.leadership.leader is threading.current_thread()


@pytest.fixture
def lead() -> Lead:
    lead = Lead()
    lead.lend()
    return lead


def test_a_leader_that_drives_keeps_the_lead(lead: Lead) -> None:
    assert lead.resume()
    for _ in range(QUIET_CHECKS + 2):
        lead.check()
    assert lead.resume()


def test_a_leader_that_comes_and_goes_keeps_it(lead: Lead) -> None:
    for _ in range(QUIET_CHECKS + 2):
        assert lead.resume()
        lead.leave()
        lead.check(departed=True)
    assert lead.leads()


def test_a_leader_that_stays_away_loses_it(lead: Lead) -> None:
    assert lead.resume()
    lead.leave()
    lead.check(departed=True)
    assert lead.leads()
    lead.check()
    assert not lead.leads()
    assert not lead.resume()


def test_a_thread_that_never_begins_loses_it(lead: Lead) -> None:
    lead.check()
    assert not lead.resume()


def test_a_leader_that_is_about_to_wait_gives_it_back(lead: Lead) -> None:
    assert lead.resume()
    lead.give_back()
    assert not lead.resume()


def test_only_the_leader_gives_it_back(lead: Lead) -> None:
    assert lead.resume()
    other = threading.Thread(target=lead.give_back)
    other.start()
    other.join(LONG)
    assert lead.leads()


def test_it_is_kept_longer_each_time_that_it_was_lost() -> None:
    lead = Lead()
    keeping = SHORTEST_KEEPING
    while keeping < LONGEST_KEEPING:
        assert lead.leadership.may_lend(lead.now)
        lead.lend()
        lead.give_back()
        assert not lead.leadership.may_lend(lead.now + 0.9 * keeping)
        lead.now += keeping
        keeping *= 2
    lead.lend()
    lead.give_back()
    lead.now += LONGEST_KEEPING
    assert lead.leadership.may_lend(lead.now)


def test_after_a_long_time_without_trouble_it_is_kept_shortly_again() -> None:
    lead = Lead()
    for _ in range(4):
        lead.lend()
        lead.give_back()
        lead.now += LONGEST_KEEPING
    lead.now += 10 * LONGEST_KEEPING
    lead.lend()
    lead.give_back()
    assert lead.leadership.may_lend(lead.now + SHORTEST_KEEPING)


def test_standing_by_ends_when_the_lead_is_given_back(lead: Lead, no_leaks: None) -> None:
    assert lead.resume()
    standing_by = threading.Thread(target=lead.leadership.stand_by)
    standing_by.start()
    lead.give_back()
    standing_by.join(LONG)
    assert not standing_by.is_alive()
