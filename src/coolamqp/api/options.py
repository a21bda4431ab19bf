"""The options of a Cluster, and their checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from coolamqp.framing.field_table import Arguments
from coolamqp.objects import NodeDefinition
from coolamqp.tracing import BaseFrameTracer


@dataclass(frozen=True)
class ClusterOptions:
    """The options of a Cluster; its constructor describes them.

    :raises TypeError: a hook is not callable
    :raises ValueError: a bound is less than 1
    """

    nodes: list[NodeDefinition]
    name: str
    extra_properties: Arguments
    log_frames: BaseFrameTracer | None
    on_fail: Callable[[], Any] | None
    on_blocked: Callable[[bool], Any] | None
    max_unconfirmed: int
    max_unconfirmed_bytes: int
    nack_timeout: float
    all_events: bool
    tracer: Any

    def __post_init__(self) -> None:
        for hook, what in ((self.on_fail, 'on_fail'), (self.on_blocked, 'on_blocked')):
            if hook is not None and not callable(hook):
                raise TypeError(f'{what} must be a function or None, not {hook!r}')
        _check_bound(self.max_unconfirmed, 'max_unconfirmed')
        _check_bound(self.max_unconfirmed_bytes, 'max_unconfirmed_bytes')
        _check_seconds(self.nack_timeout, 'nack_timeout')


def _check_bound(bound: object, what: str) -> None:
    if isinstance(bound, bool) or not isinstance(bound, int) or bound < 1:
        raise ValueError(f'{what} must be a whole number from 1, not {bound!r}')


def _check_seconds(seconds: object, what: str) -> None:
    if not isinstance(seconds, (int, float)) or not seconds >= 0:
        raise ValueError(f'{what} must be a number of seconds from 0, not {seconds!r}')
