"""The futures of a Cluster for asyncio: cancelling one withdraws its message."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from coolamqp.api.spans import end_span
from coolamqp.attaches.publication import Publication
from coolamqp.tracing import CallSpan


class FutureOwner(Protocol):
    """The Cluster that made a future, as far as the future needs it."""

    def withdraw(self, publication: Publication) -> bool:
        """Withdraw a message. Return False if it was sent."""


class ClusterFuture(asyncio.Future[Any]):
    """A future that a Cluster ends. Await, gather or shield it like any other.

    Cancelling it, or the task that awaits it, withdraws a message that was not sent yet. The broker
    may accept a message that was sent, and CoolAMQP sends it again after a reconnect.
    """

    _publication: Publication | None = None  # which `cancel` withdraws
    _owner: FutureOwner  # set with the publication

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel it, so that nobody waits any more.

        :returns: whether its message is withdrawn, and will not be published. As by threads, it is
            False for a message that was sent, for other calls, and for a future that has ended
        """
        publication, self._publication = self._publication, None
        withdrawn = publication is not None and self._owner.withdraw(publication)
        super().cancel(msg)
        return withdrawn

    def set_result(self, result: Any, /) -> None:
        """End it with a result; for the Cluster."""
        if self._publication is not None:
            self._publication = None  # It holds this future.
        super().set_result(result)

    def set_exception(self, exception: type | BaseException, /) -> None:
        """End it with an error; for the Cluster."""
        self._publication = None
        super().set_exception(exception)


class TracedFuture(ClusterFuture):
    """The future of a traced call. Its span ends before the future does.

    :param span: the span of the call
    """

    def __init__(self, span: CallSpan, loop: asyncio.AbstractEventLoop | None) -> None:
        super().__init__(loop=loop)
        self._span = span

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel it; see `ClusterFuture.cancel`."""
        if not self.done():
            end_span(self._span, asyncio.CancelledError('the call was cancelled'))
        return super().cancel(msg)

    def set_result(self, result: Any, /) -> None:
        """End it with a result; for the Cluster."""
        end_span(self._span, result=result)
        super().set_result(result)

    def set_exception(self, exception: type | BaseException, /) -> None:
        """End it with an error; for the Cluster."""
        end_span(self._span, exception if isinstance(exception, BaseException) else exception())
        super().set_exception(exception)


def publish_with(future: ClusterFuture, publication: Publication, owner: FutureOwner) -> None:
    """Make a future the promise of a publication; its `cancel` withdraws it."""
    publication.promise = future
    future._publication = publication  # noqa: SLF001 - faster than a constructor of our own
    future._owner = owner  # noqa: SLF001
