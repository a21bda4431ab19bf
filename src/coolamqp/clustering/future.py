"""The futures of a Cluster by threads: a light `concurrent.futures.Future`.

An ordinary future makes a condition and a lock when it is created, which costs more than all the
rest of publishing a message. Here, a thread that waits adds a lock of its own to the future, and
then checks again whether the future has ended. The thread that ends the future sets the state, and
then releases these locks. So a thread that waits holds no lock that another thread needs, wherever
a signal handler interrupts it.

`concurrent.futures.wait` needs a condition, too, and the future must end under it. The future makes
it at the first use. One lock for all futures orders the two steps. Either the future ends before it
has a condition, and the thread that makes one sees the end; or it ends under its condition.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any, Final, Protocol

from coolamqp.api.guarded import guarded
from coolamqp.api.spans import end_span
from coolamqp.attaches.publication import Publication
from coolamqp.clustering.bell import make_bell, wait_for
from coolamqp.clustering.lock import ownership
from coolamqp.tracing import CallSpan

# The states of concurrent.futures; its `wait` and `as_completed` read them.
PENDING: Final = 'PENDING'
CANCELLED: Final = 'CANCELLED_AND_NOTIFIED'
FINISHED: Final = 'FINISHED'

_lazy_lock = threading.RLock()  # held for an attribute or two
_holders: list[int] = []  # the threads that hold conditions, once for each condition


def _renew_lazy_lock() -> None:
    global _lazy_lock  # noqa: PLW0603 - a thread that a child process has not may have held it
    _lazy_lock = threading.RLock()
    _holders.clear()


os.register_at_fork(after_in_child=_renew_lazy_lock)


def holds_future() -> bool:
    """Whether this thread holds a lock of a future, as in `concurrent.futures.wait`."""
    return ownership(_lazy_lock)() or threading.get_ident() in _holders


class WaitCondition:
    """The condition of a future, for `concurrent.futures.wait` and `as_completed`."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def acquire(self) -> None:
        """Take the lock."""
        thread = threading.get_ident()
        _holders.append(thread)
        try:
            self._lock.acquire()
        except BaseException:  # A signal handler may raise.
            _holders.remove(thread)
            raise

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()
        _holders.remove(threading.get_ident())

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class FutureOwner(Protocol):
    """The Cluster that made a future, as far as the future needs it."""

    def run_callback(self, callback: Callable[..., Any], future: ClusterFuture) -> None:
        """Run a done-callback, not on the I/O thread."""

    def withdraw(self, publication: Publication) -> bool:
        """Withdraw a message; False if it was sent."""

    def check_may_wait(self) -> None:
        """Raise RuntimeError where waiting would never end."""


class ClusterFuture(Future[Any]):
    """A future that a Cluster ends.

    Done-callbacks run on a dispatcher thread of the Cluster, so they may block. `cancel` succeeds
    only for a message that has not been sent yet.

    :param publication: the publication that `cancel` withdraws
    """

    # Most futures never change these, so the class has them and not each future.
    _state = PENDING
    _result: Any = None
    _exception: BaseException | None = None
    _bells: list[threading.Lock] | None = None  # of the threads that wait; made with the first one
    _lazy_condition: WaitCondition | None = None
    _waiters: list[Any]  # made with the condition
    _callbacks: list[Callable[[Future[Any]], Any]] | None = None
    _publication: Publication | None = None

    def __init__(self, owner: FutureOwner, publication: Publication | None = None) -> None:
        self._owner = owner
        if publication is not None:
            self._publication = publication

    @property
    def _condition(self) -> WaitCondition:  # type: ignore[override]  # made when needed
        condition = self._lazy_condition
        if condition is None:
            with _lazy_lock:
                condition = self._lazy_condition
                if condition is None:
                    self._waiters = []
                    condition = self._lazy_condition = WaitCondition()
        return condition

    def done(self) -> bool:
        """Whether it has ended, one way or the other."""
        return self._state is not PENDING

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._state is CANCELLED

    def running(self) -> bool:
        """Whether it has not ended, and cannot be cancelled."""
        return self._state is PENDING and self._publication is None

    def cancel(self) -> bool:
        """Withdraw the message; False if it was sent already, or if there is none."""
        publication = self._publication  # which `_end` may take away meanwhile
        if publication is not None and not self.done() and self._owner.withdraw(publication):
            self._end(CANCELLED)
        return self._state is CANCELLED

    def set_result(self, result: Any) -> None:
        """End it with a result; for the Cluster."""
        if result is not None:
            self._result = result
        self._end(FINISHED)

    def set_exception(self, exception: BaseException | None) -> None:
        """End it with an error; for the Cluster."""
        self._exception = exception
        self._end(FINISHED)

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the end; return the result, or raise the error.

        :param timeout: seconds; None waits without a limit
        :raises TimeoutError: it did not end within the timeout
        :raises CancelledError: it was cancelled
        :raises RuntimeError: this is an inline callback; it would wait for itself
        """
        self._wait(timeout)
        if self._state is CANCELLED:
            raise CancelledError
        if self._exception is not None:
            raise self._exception
        return self._result

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the end; return the error, or None. It raises like `result`."""
        self._wait(timeout)
        if self._state is CANCELLED:
            raise CancelledError
        return self._exception

    def add_done_callback(self, fn: Callable[[Future[Any]], Any]) -> None:
        """Call a function with this future when it ends; at once if it has ended.

        The function runs on a dispatcher thread, or in this thread if the future has ended.
        """
        with _lazy_lock:
            if self._callbacks is None:
                self._callbacks = []
            callbacks = self._callbacks
        callbacks.append(fn)
        if self._state is not PENDING and fn in callbacks:
            # Perhaps too late for `_end`. The thread that removes it from the list runs it.
            try:
                callbacks.remove(fn)
            except ValueError:
                return
            guarded(fn, self)

    def _wait(self, timeout: float | None) -> None:
        if self._state is not PENDING:
            return
        self._owner.check_may_wait()
        bell = make_bell()
        bells = self.__dict__.setdefault('_bells', [])  # in one step
        bells.append(bell)
        try:
            if self._state is PENDING:
                wait_for(bell, timeout)
        finally:
            with suppress(ValueError):  # `_ring` may have removed it.
                bells.remove(bell)
        if self._state is PENDING:
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
        if self._bells:
            self._ring(self._bells)
        if self._publication is not None:
            self._publication = None  # It holds this future.
        if self._callbacks:
            self._run_callbacks(self._callbacks)

    def _ring(self, bells: list[threading.Lock]) -> None:
        with suppress(IndexError):  # A thread whose time is over may remove the last one.
            while bells:
                bells.pop().release()

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
    """The future of a traced call. Its span ends before the future does.

    :param span: the span of the call
    """

    def __init__(
        self, owner: FutureOwner, span: CallSpan, publication: Publication | None = None
    ) -> None:
        super().__init__(owner, publication)
        self._span = span

    def _end(self, state: str) -> None:
        cancelled = CancelledError('cancelled before it was sent') if state is CANCELLED else None
        end_span(self._span, cancelled or self._exception, self._result)
        super()._end(state)


class OwnFuture(ClusterFuture):
    """A future of CoolAMQP itself. Its end waits for no done-callback of the program.

    :param on_end: called with this future by the thread that ends it; it must not wait
    """

    def __init__(self, owner: FutureOwner, on_end: Callable[[ClusterFuture], object]) -> None:
        super().__init__(owner)
        self._on_end = on_end

    def _end(self, state: str) -> None:
        super()._end(state)
        self._on_end(self)
