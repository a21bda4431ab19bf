"""The options of a Cluster are checked where they are given."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.api.options import ClusterOptions
from tests.support.scripted_broker import NODE

GOOD: dict[str, Any] = {
    'nodes': [NODE],
    'name': 'billing',
    'extra_properties': None,
    'log_frames': None,
    'on_fail': None,
    'on_blocked': None,
    'max_unconfirmed': 1,
    'max_unconfirmed_bytes': 1,
    'nack_timeout': 0,
    'all_events': False,
    'tracer': None,
}


def test_options_that_are_good() -> None:
    assert ClusterOptions(**GOOD | {'on_fail': print, 'on_blocked': print}).name == 'billing'


@pytest.mark.parametrize('name', ['on_fail', 'on_blocked'])
def test_a_hook_must_be_a_function(name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} must be a function or None, not 'print'"):
        ClusterOptions(**GOOD | {name: 'print'})


@pytest.mark.parametrize('name', ['max_unconfirmed', 'max_unconfirmed_bytes'])
@pytest.mark.parametrize('bound', [0, -1, 1.5, True, None, '5'])
def test_a_bound_must_let_something_pass(name: str, bound: object) -> None:
    with pytest.raises(ValueError, match=f'{name} must be a whole number from 1'):
        ClusterOptions(**GOOD | {name: bound})


@pytest.mark.parametrize('seconds', [-1, float('nan'), None, '5'])
def test_a_timeout_must_be_a_number_of_seconds(seconds: object) -> None:
    with pytest.raises(ValueError, match='nack_timeout must be a number of seconds from 0'):
        ClusterOptions(**GOOD | {'nack_timeout': seconds})
