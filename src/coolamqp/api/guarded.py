"""Guarded calls of everything that is not ours: promises, hooks and log handlers of a program.

What they raise costs neither the connection nor another program's call. It is logged; and since the
log may be what is broken, even that is not relied on.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any

from coolamqp.attaches.effects import Completion, Effects
from coolamqp.attaches.promise import Promise
from coolamqp.objects import ReceivedMessage

logger = logging.getLogger(__name__)


def guarded(function: Callable[..., Any], *arguments: Any) -> None:
    """Call a function; log what it raises."""
    try:
        function(*arguments)
    # SystemExit too: the thread is not the program's to end.
    except BaseException:  # noqa: BLE001 - it is logged
        log_exception(logger, '%r raised', function)


def log_exception(to: logging.Logger, text: str, *arguments: object) -> None:
    """Log the exception that is being handled, if the program's log works."""
    # Nobody is left to tell of a log that raises.
    with contextlib.suppress(Exception):
        to.exception(text, *arguments)


def complete(effects: Effects) -> None:
    """End promises; what one of them raises costs none of the others."""
    for promise in effects.confirmed:
        guarded(_confirm, promise)
    for completion in effects.completions:
        guarded(_complete, completion)


# A program may have cancelled a promise.


def _confirm(promise: Promise) -> None:
    if not promise.done():
        promise.set_result(None)


def _complete(completion: Completion) -> None:
    """End a promise; if it has been cancelled, its message goes back to the queue."""
    promise = completion.promise
    if not promise.done():
        if completion.error is None:
            promise.set_result(completion.value)
        else:
            promise.set_exception(completion.error)
    elif isinstance(completion.value, ReceivedMessage):
        completion.value.nack()
