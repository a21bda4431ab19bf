"""Calling what is not ours: promises of the program's, hooks, handlers of its log.

What it raises must cost neither the connection nor anybody else. It is logged; and since the log
may be what is broken, even that is not relied on.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)


def guarded(function: Callable[..., Any], *arguments: Any) -> None:
    """Call a function; what it raises is logged, and stops nothing."""
    try:
        function(*arguments)
    # SystemExit too: the thread is not the program's to end.
    except BaseException:  # noqa: BLE001 - it is logged
        log_exception(logger, '%r raised', function)


def log_exception(to: logging.Logger, text: str, *arguments: object) -> None:
    """Log the exception that is being handled, if the program's log lets us."""
    # There is nobody left to tell of a log that raises.
    with contextlib.suppress(Exception):
        to.exception(text, *arguments)
