"""Ending the promises that the engine has settled."""

from __future__ import annotations

from coolamqp.attaches.outcomes import Completion
from coolamqp.faces.guard import guarded
from coolamqp.objects import ReceivedMessage


def complete(completions: list[Completion]) -> None:
    """End promises; what one of them raises costs none of the others."""
    for completion in completions:
        guarded(_complete, completion)


def _complete(completion: Completion) -> None:
    """End a promise, unless the program has cancelled it; a message goes back to its queue then."""
    promise = completion.promise
    if not promise.done():
        if completion.error is None:
            promise.set_result(completion.value)
        else:
            promise.set_exception(completion.error)
    elif isinstance(completion.value, ReceivedMessage):
        completion.value.nack()
