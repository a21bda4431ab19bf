"""The table of metrics says all that the statistics say."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from typing import get_type_hints

from coolamqp.supervisor.states import EngineState
from coolamqp.supervisor.stats import Stats
from coolamqp.telemetry.metrics import (
    CALLBACK_TIME,
    CALLBACKS,
    METRICS,
    RECONNECTS,
    STATE,
    STATES,
)

ALL = (*METRICS, CALLBACKS, CALLBACK_TIME, RECONNECTS, STATE)


def test_every_value_of_the_statistics_is_one_metric() -> None:
    assert Counter(metric.field for metric in ALL) == Counter(each.name for each in fields(Stats))


def test_what_the_statistics_call_a_counter_is_a_counter() -> None:
    told = Stats.__doc__ or ''
    counters = {metric.field for metric in ALL if f':ivar {metric.field}: counter of' in told}

    assert {metric.field for metric in ALL if metric.is_counter} == counters
    assert len(counters) > 10


def test_flags_have_no_unit_and_numbers_have_one() -> None:
    kinds = get_type_hints(Stats)

    assert {metric.field for metric in METRICS if not metric.unit} == {
        metric.field for metric in METRICS if kinds[metric.field] is bool
    }


def test_the_states_are_those_of_the_engine() -> None:
    assert [state.value for state in EngineState] == list(STATES)
