"""A condition like `threading.Condition`, but compiled, because each chunk and confirm uses it.

`threading.Condition` is written in Python, and costs more than all the rest of handing a chunk of
messages to another thread. This one does only what is needed here. A thread that holds its lock
already must not wait.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from time import monotonic
from types import TracebackType

from coolamqp.clustering.bell import make_bell, wait_for


class Condition:
    """A lock, and threads that wait for a change of what it guards.

    :param lock: a lock with other users, too; None for a lock of its own
    """

    def __init__(self, lock: threading.RLock | None = None) -> None:
        self._lock = threading.RLock() if lock is None else lock
        # A bell for each waiting thread; a notifier rings it.
        self._waiting: deque[threading.Lock] = deque()

    def acquire(self) -> bool:
        """Take the lock."""
        return self._lock.acquire()

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Release the lock until a notification, and take it again. Return False after the timeout.

        :param timeout: seconds; None for as long as it takes
        """
        bell = make_bell()
        self._waiting.append(bell)
        self._lock.release()
        notified = False
        try:
            notified = wait_for(bell, timeout)
        finally:  # Ctrl-C, too
            self._lock.acquire()
            if bell in self._waiting:
                self._waiting.remove(bell)
            else:
                notified = True  # in the very last moment, too
        return notified

    def wait_for(self, predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait until a predicate is true. Return whether it is.

        :param timeout: seconds; None for as long as it takes
        """
        deadline = None if timeout is None else monotonic() + timeout
        while not predicate():
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0:
                return predicate()
            self.wait(left)
        return True

    def notify(self, count: int = 1) -> None:
        """Wake up to `count` waiting threads, the latest first. Call it with the lock.

        A thread that is needed seldom then stays asleep, and can end after a while.
        """
        while count > 0 and self._waiting:
            self._waiting.pop().release()
            count -= 1

    def notify_all(self) -> None:
        """Wake all waiting threads. Call it with the lock."""
        self.notify(len(self._waiting))
