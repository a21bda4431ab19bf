"""The futures that a Cluster gives: `concurrent.futures.Future`, made light.

An ordinary one makes a condition and a lock when it is born, which costs more than all the rest of
publishing a message. This one makes them when somebody first waits. One lock for all of them orders
the two: a future either ends before there is a condition, and then whoever makes one sees the end;
or it ends under its condition, as those who wait for several futures at once rely on.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any, Final, Protocol

from coolamqp.api.guarded import guarded
from coolamqp.api.spans import end_span
from coolamqp.attaches.publication import Publication
from coolamqp.clustering.condition import Condition
from coolamqp.tracing import CallSpan

# The states of concurrent.futures, whose `wait` and `as_completed` read them.
PENDING: Final = 'PENDING'
CANCELLED: Final = 'CANCELLED_AND_NOTIFIED'
FINISHED: Final = 'FINISHED'

_lazy_lock = threading.Lock()  # held for an attribute or two


def _renew_lazy_lock() -> None:
    global _lazy_lock  # noqa: PLW0603 - a thread that a child process has not may have held it
    _lazy_lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lazy_lock)


class FutureOwner(Protocol):
    """The Cluster that made a future, as far as the future needs it."""

    def run_callback(self, callback: Callable[..., Any], future: ClusterFuture) -> None:
        """Run a done-callback, not on the I/O thread."""

    def withdraw(self, publication: Publication) -> bool:
        """Take a message back; False if it has been sent."""

    def check_may_wait(self) -> None:
        """Raise RuntimeError where waiting would never end."""


class ClusterFuture(Future[Any]):
    """A future that a Cluster ends.

    Done-callbacks run on a dispatcher thread of the Cluster, so they may block. `cancel` succeeds
    only for a message that has not been sent yet.

    :param publication: the message that it is about, as long as that may be taken back
    """

    # What most of them never change stands here once, and not in each of them.
    _state = PENDING
    _result: Any = None
    _exception: BaseException | None = None
    _lazy_condition: Condition | None = None
    _waiters: list[Any]  # made with the condition
    _callbacks: list[Callable[[Future[Any]], Any]] | None = None
    _publication: Publication | None = None

    def __init__(self, owner: FutureOwner, publication: Publication | None = None) -> None:
        self._owner = owner
        if publication is not None:
            self._publication = publication

    @property
    def _condition(self) -> Condition:  # type: ignore[override]  # made when needed
        condition = self._lazy_condition
        if condition is None:
            with _lazy_lock:
                condition = self._lazy_condition
                if condition is None:
                    self._waiters = []
                    condition = self._lazy_condition = Condition()
        return condition

    def done(self) -> bool:
        """Whether it has ended, one way or the other."""
        return self._state is not PENDING

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._state is CANCELLED

    def running(self) -> bool:
        """Whether it cannot be cancelled any more, though it has not ended."""
        return self._state is PENDING and self._publication is None

    def cancel(self) -> bool:
        """Take the message back; False if it is too late for that."""
        publication = self._publication  # which `_end` may take away meanwhile
        if publication is not None and not self.done() and self._owner.withdraw(publication):
            self._end(CANCELLED)
        return self._state is CANCELLED

    def set_result(self, result: Any) -> None:
        """End it well."""
        if result is not None:
            self._result = result
        self._end(FINISHED)

    def set_exception(self, exception: BaseException | None) -> None:
        """End it with an error."""
        self._exception = exception
        self._end(FINISHED)

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the end, and give the result or raise the error.

        :param timeout: seconds; None waits as long as it takes
        :raises TimeoutError: it has not ended in time
        :raises CancelledError: it was cancelled
        :raises RuntimeError: this is an inline callback, which would wait for itself
        """
        if self._state is PENDING:
            self._wait(timeout)
        if self._state is CANCELLED:
            raise CancelledError
        if self._exception is not None:
            raise self._exception
        return self._result

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the end, and give the error, or None; raises as `result` does."""
        if self._state is PENDING:
            self._wait(timeout)
        if self._state is CANCELLED:
            raise CancelledError
        return self._exception

    def add_done_callback(self, fn: Callable[[Future[Any]], Any]) -> None:
        """Have a function called with this future once it has ended; at once if it has."""
        with _lazy_lock:
            if self._callbacks is None:
                self._callbacks = []
            callbacks = self._callbacks
        callbacks.append(fn)
        if self._state is not PENDING and fn in callbacks:
            # Too late for `_end`, unless it is just emptying the list: who takes it out, runs it.
            try:
                callbacks.remove(fn)
            except ValueError:
                return
            guarded(fn, self)

    def _wait(self, timeout: float | None) -> None:
        self._owner.check_may_wait()
        with self._condition:
            if not self._condition.wait_for(self.done, timeout):
                raise TimeoutError(f'the broker has not answered in {timeout} s')

    def _end(self, state: str) -> None:
        with _lazy_lock:
            condition = self._lazy_condition
            if condition is None:
                self._state = state
        if condition is not None:
            with condition:
                self._state = state
                self._tell_waiters()
                condition.notify_all()
        if self._publication is not None:
            self._publication = None  # It holds this future.
        if self._callbacks:
            self._run_callbacks(self._callbacks)

    def _tell_waiters(self) -> None:
        for waiter in self._waiters:
            if self._state is CANCELLED:
                waiter.add_cancelled(self)
            elif self._exception is not None:
                waiter.add_exception(self)
            else:
                waiter.add_result(self)

    def _run_callbacks(self, callbacks: list[Callable[[Future[Any]], Any]]) -> None:
        while True:
            try:
                callback = callbacks.pop(0)
            except IndexError:  # `add_done_callback` has taken the last one back
                return
            self._owner.run_callback(callback, self)


class TracedFuture(ClusterFuture):
    """The future of a call that is traced. The span has ended when anybody sees that it has.

    :param span: of the call
    """

    def __init__(
        self, owner: FutureOwner, span: CallSpan, publication: Publication | None = None
    ) -> None:
        super().__init__(owner, publication)
        self._span = span

    def _end(self, state: str) -> None:
        cancelled = CancelledError('cancelled before it was sent') if state is CANCELLED else None
        end_span(self._span, cancelled or self._exception)
        super()._end(state)
