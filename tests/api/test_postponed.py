"""Calls that have interrupted the engine: in order, once, and with an end."""

from __future__ import annotations

from functools import partial

import pytest

from coolamqp.api.postponed import PostponedCalls
from coolamqp.attaches.effects import Effects, LogRecord
from coolamqp.log_events import LogEvent
from tests.support.ending import Ending


@pytest.fixture
def effects() -> Effects:
    return Effects()


@pytest.fixture
def postponed(effects: Effects) -> PostponedCalls:
    return PostponedCalls(effects)


def fail() -> None:
    raise ValueError('refused')


def test_they_are_carried_out_once_and_in_order(postponed: PostponedCalls) -> None:
    seen: list[int] = []
    for number in range(3):
        postponed.add(partial(seen.append, number))
    assert postponed.waiting
    postponed.carry_out()
    postponed.carry_out()
    assert seen == [0, 1, 2]
    assert not postponed.waiting


def test_one_that_fails_ends_its_promise_and_stops_no_other(
    postponed: PostponedCalls, effects: Effects
) -> None:
    promise, seen = Ending(), list[int]()
    postponed.add(fail, promise)
    postponed.add(partial(seen.append, 1))
    postponed.carry_out()
    (completion,) = effects.completions
    assert completion.promise is promise
    assert isinstance(completion.error, ValueError)
    assert seen == [1]


def test_one_that_fails_without_a_promise_is_logged(
    postponed: PostponedCalls, effects: Effects
) -> None:
    postponed.add(fail)
    postponed.carry_out()
    (record,) = effects.reports
    assert isinstance(record, LogRecord)
    assert record.event is LogEvent.POSTPONED_CALL_FAILED
    assert 'refused' in record.text
