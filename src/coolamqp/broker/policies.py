"""Policies: options for the queues and exchanges whose name matches a pattern.

https://www.rabbitmq.com/docs/policies. Where several policies match, the one with the highest
priority applies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from coolamqp.broker.errors import shown

QUEUES: Final = 'queues'
EXCHANGES: Final = 'exchanges'
ALL: Final = 'all'
APPLIES_TO: Final = (ALL, QUEUES, EXCHANGES, 'classic_queues', 'quorum_queues', 'streams')

_FOR_QUEUES: Final = (
    'message-ttl',
    'expires',
    'max-length',
    'max-length-bytes',
    'overflow',
    'dead-letter-exchange',
    'dead-letter-routing-key',
    'delivery-limit',
    'max-age',
)
KEYS: Final = (*_FOR_QUEUES, 'alternate-exchange')


@dataclass(frozen=True)
class Policy:
    """A policy of a virtual host.

    :param pattern: a regular expression, which may match anywhere in the name
    :param apply_to: one of `APPLIES_TO`
    :param definition: options by their names, such as `message-ttl`
    :raises ValueError: the pattern, `apply_to` or an option is invalid
    """

    name: str
    pattern: str
    apply_to: str
    priority: int
    definition: Mapping[str, Any]

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f'the pattern {self.pattern!r} is invalid: {error}') from None
        if self.apply_to not in APPLIES_TO:
            raise ValueError(
                f'apply_to is {self.apply_to!r}; it must be one of {_listed(APPLIES_TO)}'
            )
        unknown = [key for key in self.definition if key not in KEYS]
        if unknown:
            raise ValueError(
                f'unknown policy option {unknown[0]!r}; the options are {_listed(KEYS)}'
            )

    def applies(self, name: bytes, kind: str | None) -> bool:
        """Whether the policy applies to a queue of a kind, or to an exchange (None)."""
        wanted = (EXCHANGES,) if kind is None else (QUEUES, f'{kind}_queues', f'{kind}s')
        if self.apply_to not in (ALL, *wanted):
            return False
        return re.search(self.pattern, shown(name)) is not None


class Policies:
    """The policies of a virtual host, by name."""

    def __init__(self) -> None:
        self._policies: dict[str, Policy] = {}

    def __iter__(self) -> Any:
        return iter(list(self._policies.values()))

    def set(self, policy: Policy) -> None:
        """Add a policy, or replace the one of the same name."""
        self._policies.pop(policy.name, None)  # goes to the end, as it does in the store
        self._policies[policy.name] = policy

    def clear(self, name: str) -> None:
        """Remove a policy; without effect if it does not exist."""
        self._policies.pop(name, None)

    def find(self, name: bytes, kind: str | None) -> Policy | None:
        """Return the policy that applies to a queue of a kind, or to an exchange (None)."""
        found = [policy for policy in self._policies.values() if policy.applies(name, kind)]
        return max(found, key=lambda policy: policy.priority, default=None)


def _listed(names: tuple[str, ...]) -> str:
    return ', '.join(names)
