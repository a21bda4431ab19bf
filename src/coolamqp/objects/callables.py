"""A list of functions that is called as one."""

from __future__ import annotations

import collections.abc
import logging
from typing import Any

from coolamqp.log_events import LogEvent, extra

logger = logging.getLogger(__name__)


class Callable:
    """A list of functions that is called as one.

    The exception of a function is logged, and does not stop the others.

    :param oneshots: whether to remove functions after their call
    :ivar callables: the functions, in the order of their calls
    """

    def __init__(self, oneshots: bool = False) -> None:
        self.oneshots = oneshots
        self.callables: list[collections.abc.Callable[..., Any]] = []

    def add(self, callable_: collections.abc.Callable[..., Any]) -> None:
        """Add a function to call."""
        self.callables.append(callable_)

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Call all functions, in the order in which they were added."""
        for each in take_functions(self):
            try:
                each(*args, **kwargs)
            except Exception:
                logger.exception('%r raised', each, extra=extra(LogEvent.HOOK_FAILED))


def take_functions(functions: Callable) -> list[collections.abc.Callable[..., Any]]:
    """Return the functions to call now, for a caller that calls them one by one."""
    taken = list(functions.callables)
    if functions.oneshots:
        functions.callables.clear()
    return taken
