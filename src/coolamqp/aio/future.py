"""The futures that a Cluster gives: those of asyncio; cancelling one takes its message back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from coolamqp.faces.spans import end_span
from coolamqp.tracing import CallSpan


class ClusterFuture(asyncio.Future[Any]):
    """A future that a Cluster ends; to be awaited, gathered, shielded as any other.

    Cancelling it, or the task that awaits it, takes back a message that was not sent yet. One that
    was sent stays with the broker; only nobody waits for its confirm any more.
    """

    withdraw: Callable[[], object] | None = None

    def cancel(self, msg: Any | None = None) -> bool:
        """Wait no more; False if it has ended."""
        withdraw, self.withdraw = self.withdraw, None
        if withdraw is not None and not self.done():
            withdraw()
        return super().cancel(msg)

    def set_result(self, result: Any, /) -> None:
        """End it well."""
        self.withdraw = None  # It holds the message, and the message holds this future.
        super().set_result(result)

    def set_exception(self, exception: type | BaseException, /) -> None:
        """End it with an error."""
        self.withdraw = None
        super().set_exception(exception)


class TracedFuture(ClusterFuture):
    """The future of a call that is traced. The span has ended when anybody sees that it has.

    :param span: of the call
    """

    def __init__(self, span: CallSpan, loop: asyncio.AbstractEventLoop | None) -> None:
        super().__init__(loop=loop)
        self._span = span

    def cancel(self, msg: Any | None = None) -> bool:
        """Wait no more; False if it has ended."""
        if not self.done():
            end_span(self._span, asyncio.CancelledError('the call was cancelled'))
        return super().cancel(msg)

    def set_result(self, result: Any, /) -> None:
        """End it well."""
        end_span(self._span)
        super().set_result(result)

    def set_exception(self, exception: type | BaseException, /) -> None:
        """End it with an error."""
        end_span(self._span, exception if isinstance(exception, BaseException) else exception())
        super().set_exception(exception)
