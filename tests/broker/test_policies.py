"""Policies."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.broker.policies import Policies, Policy


def policy(
    name: str = 'p', pattern: str = '.*', apply_to: str = 'all', priority: int = 0
) -> Policy:
    return Policy(name, pattern, apply_to, priority, {'max-length': 1})


@pytest.mark.parametrize(
    ('apply_to', 'kinds'),
    [
        ('all', {'classic', 'quorum', 'stream', None}),
        ('queues', {'classic', 'quorum', 'stream'}),
        ('exchanges', {None}),
        ('classic_queues', {'classic'}),
        ('quorum_queues', {'quorum'}),
        ('streams', {'stream'}),
    ],
)
def test_a_policy_applies_to_its_kinds(apply_to: str, kinds: set[str | None]) -> None:
    found = policy(apply_to=apply_to)
    every: tuple[str | None, ...] = ('classic', 'quorum', 'stream', None)

    assert {kind for kind in every if found.applies(b'name', kind)} == kinds


def test_a_pattern_matches_anywhere() -> None:
    assert policy(pattern='ord').applies(b'my-orders', 'classic')
    assert not policy(pattern='^ord').applies(b'my-orders', 'classic')
    assert policy(pattern='^\N{REPLACEMENT CHARACTER}$').applies(b'\xff', 'classic')


def test_the_highest_priority_counts() -> None:
    policies = Policies()
    policies.set(policy('low', priority=1))
    policies.set(policy('high', priority=2))
    assert policies.find(b'q', 'classic') == policy('high', priority=2)

    policies.set(policy('high', priority=0))
    assert policies.find(b'q', 'classic') == policy('low', priority=1)

    policies.set(policy('high', priority=1))
    assert policies.find(b'q', 'classic') == policy('low', priority=1)

    policies.clear('low')
    policies.clear('unknown')
    assert [each.name for each in policies] == ['high']
    policies.clear('high')
    assert policies.find(b'q', 'classic') is None


@pytest.mark.parametrize(
    ('changed', 'text'),
    [
        ({'pattern': '('}, 'the pattern'),
        ({'apply_to': 'topics'}, 'apply_to'),
        ({'definition': {'max-lenght': 1}}, "unknown policy option 'max-lenght'"),
    ],
)
def test_an_invalid_policy_is_refused(changed: dict[str, Any], text: str) -> None:
    valid: dict[str, Any] = {
        'name': 'p', 'pattern': '.*', 'apply_to': 'all', 'priority': 0, 'definition': {}
    }  # fmt: skip
    with pytest.raises(ValueError, match=text):
        Policy(**{**valid, **changed})
