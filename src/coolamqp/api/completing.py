"""Ending the promises that the engine has settled."""

from __future__ import annotations

from coolamqp.api.guard import guarded
from coolamqp.attaches.effects import Completion, Effects, Promise
from coolamqp.objects import ReceivedMessage


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
    """End a promise; if it wants none any more, a message goes back to its queue."""
    promise = completion.promise
    if not promise.done():
        if completion.error is None:
            promise.set_result(completion.value)
        else:
            promise.set_exception(completion.error)
    elif isinstance(completion.value, ReceivedMessage):
        completion.value.nack()
