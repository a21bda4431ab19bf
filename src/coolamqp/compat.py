"""Everything that only programs written for CoolAMQP 1.x and 2.x need.

Both take some arguments by position in another order. The types of the arguments tell the orders
apart: one has a flag where the other has the span of a tracer. Keyword arguments need none of this.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

_P = ParamSpec('_P')
_T = TypeVar('_T')
_SelfT = TypeVar('_SelfT')


def is_span(value: object) -> bool:
    """Whether something is a span of a tracer: it has a context, which no flag has."""
    return hasattr(value, 'context') or hasattr(value, 'get_span_context')


def check_span(value: object) -> None:
    """Refuse a span that is an argument in the wrong place.

    :raises TypeError: it is a number, a text or the like
    """
    if isinstance(value, (int, float, str, bytes, tuple, list, dict)):
        raise TypeError(f'span must be a span of a tracer or None, not {value!r}')


def _is_span_or_none(value: object) -> bool:
    return value is None or is_span(value)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def takes_order_without(
    position: int, filling: tuple[Any, ...], sign: Callable[[object], bool]
) -> Callable[[Callable[Concatenate[_SelfT, _P], _T]], Callable[Concatenate[_SelfT, _P], _T]]:
    """Make a method accept its arguments also without those at `position`, `self` not counted.

    :param filling: the values of the missing arguments
    :param sign: whether an argument at their place shows that they are missing
    """

    def decorate(
        method: Callable[Concatenate[_SelfT, _P], _T],
    ) -> Callable[Concatenate[_SelfT, _P], _T]:
        @wraps(method)
        def call(self: _SelfT, /, *args: Any, **kwargs: Any) -> _T:
            if len(args) > position and sign(args[position]):
                args = (*args[:position], *filling, *args[position:])
            return method(self, *args, **kwargs)

        return call

    return decorate


class Publisher:
    """A name that programs for CoolAMQP 1.x import; they publish with `Cluster.publish`."""


class Declarer:
    """A name that programs for CoolAMQP 1.x import; they declare with `Cluster.declare`."""


class AttacheGroup:
    """The consumers of a Cluster, as programs for CoolAMQP 2.x find them: `Cluster.attache_group`.

    :param add_consumer: `Cluster.add_consumer`
    """

    def __init__(self, add_consumer: Callable[[Any], Any]) -> None:
        self._add_consumer = add_consumer

    def add(self, consumer: Any) -> None:
        """Start a consumer; `Cluster.add_consumer` does the same and returns a future.

        :raises ValueError: it was added before
        """
        self._add_consumer(consumer)


# 1.x has no span, but a flag in its place.
consumer_takes_both_orders: Final = takes_order_without(2, (None,), _is_flag)
consume_takes_both_orders: Final = takes_order_without(2, (None, False), _is_flag)
# 2.x has the span, or None for none, where 1.x has `persistent`.
declare_takes_both_orders: Final = takes_order_without(1, (False,), _is_span_or_none)
bind_takes_both_orders: Final = takes_order_without(3, (False,), _is_span_or_none)


def publish_order(tx: Any, confirm: Any, span: Any, dont_trace: bool) -> tuple[bool, Any, bool]:
    """Return confirm, span and dont_trace of a publish, from the order of 1.x or of 2.x.

    1.x has `tx, confirm, span, dont_trace`, and 2.x `confirm, span, dont_trace`.
    """
    if is_span(confirm) or _is_flag(span):
        return bool(tx), confirm, bool(span) or dont_trace
    if confirm is not None and not _is_flag(confirm):
        raise TypeError(f'confirm must be True or False, not {confirm!r}')
    if tx is not None and confirm is None:
        warnings.warn(
            'tx is an old name of confirm; say confirm=True', DeprecationWarning, stacklevel=3
        )
        confirm = tx
    return bool(confirm), span, dont_trace
