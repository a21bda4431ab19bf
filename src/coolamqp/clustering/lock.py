"""Whether a thread holds a lock already.

Python may run a signal handler or a finalizer between any two steps of a thread, also while the
thread holds a lock of a Cluster. A call from there must not take the lock again, since its owner
is in the middle of a change. Therefore these locks are reentrant locks, which know their owner, and
every call that can come from there asks first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import cast


def ownership(lock: threading.RLock) -> Callable[[], bool]:
    """Return the function that says whether the calling thread holds a lock.

    Only this thread can change the answer. `threading.Condition` asks in the same way.
    """
    return cast('Callable[[], bool]', lock._is_owned)  # type: ignore[attr-defined]  # noqa: SLF001
