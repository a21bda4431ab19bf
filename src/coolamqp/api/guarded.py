"""Guarded calls of code of the program: done-callbacks of promises, hooks and log handlers.

An exception in them does not affect the connection or other calls. This module logs it. An
exception in a log handler is ignored.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any

from coolamqp.attaches.effects import Completion, Effects
from coolamqp.attaches.promise import Promise
from coolamqp.log_events import LogEvent, extra, one_line
from coolamqp.objects import ReceivedMessage

logger = logging.getLogger(__name__)


def guarded(function: Callable[..., Any], *arguments: Any) -> None:
    """Call a function, and log an exception that it raises."""
    try:
        function(*arguments)
    # Also SystemExit: a callback must not end a thread of CoolAMQP.
    except BaseException:  # noqa: BLE001 - it is logged
        log_failed_hook(logger, function)


def log_failed_callback(to: logging.Logger, queue: str) -> None:
    """Log the current exception as that of the callback of a consumer of a queue."""
    text = 'on_message of the consumer of %s raised'
    log_exception(to, LogEvent.CALLBACK_FAILED, text, one_line(queue), queue=queue)


def log_failed_hook(to: logging.Logger, function: Callable[..., Any]) -> None:
    """Log the current exception as that of another function of the program."""
    log_exception(to, LogEvent.HOOK_FAILED, '%r raised', function)


def log_failed_driver(to: logging.Logger) -> None:
    """Log the current exception as one of CoolAMQP itself."""
    text = 'the driver has failed, which is a defect of CoolAMQP'
    log_exception(to, LogEvent.DRIVER_FAILED, text)


def log_exception(
    to: logging.Logger, event: LogEvent, text: str, *arguments: object, **fields: object
) -> None:
    """Log the current exception; ignore an exception of the log handlers."""
    with contextlib.suppress(Exception):
        to.exception(text, *arguments, extra=extra(event, **fields))


def complete(effects: Effects) -> None:
    """End all promises, even if done-callbacks raise."""
    for promise in effects.confirmed:
        guarded(_confirm, promise)
    for completion in effects.completions:
        guarded(_complete, completion)


def _confirm(promise: Promise) -> None:
    if not promise.done():
        promise.set_result(None)


def _complete(completion: Completion) -> None:
    """End a promise; if the program has cancelled it, requeue its message."""
    promise = completion.promise
    if not promise.done():
        if completion.error is None:
            promise.set_result(completion.value)
        else:
            promise.set_exception(completion.error)
    elif isinstance(completion.value, ReceivedMessage):
        completion.value.nack()
