"""Postponed calls: calls from a signal handler or a finalizer that has interrupted the engine.

Python may run a signal handler or a finalizer between any two steps of a thread, also while the
thread is inside the engine. The engine is then in the middle of a change, and cannot be called.
Such calls wait here, in order. They are carried out before the next call of the engine: the driver
makes one soon.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from coolamqp.attaches.effects import Effects
from coolamqp.attaches.promise import Promise
from coolamqp.log_events import LogEvent


class PostponedCalls:
    """The postponed calls of one engine.

    :param effects: the effects of the engine
    :ivar waiting: whether there may be postponed calls
    """

    def __init__(self, effects: Effects) -> None:
        self.waiting = False
        self._effects = effects
        self._calls: deque[tuple[Callable[[], object], Promise | None]] = deque()

    def add(self, call: Callable[[], object], promise: Promise | None = None) -> None:
        """Queue a call of this thread, which holds the lock.

        :param promise: the promise that ends with the error if the call raises one
        """
        self._calls.append((call, promise))
        self.waiting = True

    def carry_out(self) -> None:
        """Carry out all calls. The caller holds the lock, and the engine is at rest."""
        self.waiting = False  # before the first call, since each may be interrupted by others
        while self._calls:
            call, promise = self._calls.popleft()
            try:
                call()
            except Exception as error:  # noqa: BLE001 - the program gets it from the future
                if promise is None:
                    self._effects.log(
                        LogEvent.POSTPONED_CALL_FAILED,
                        f'a call from a signal handler or a finalizer failed: {error}',
                        cause=error,
                    )
                else:
                    self._effects.fail(promise, error)
