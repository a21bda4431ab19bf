"""Waiting for a bell: for a lock that another thread releases.

Python runs signal handlers on the main thread, between two of its steps. A signal that comes in the
moment before a lock blocks does not end the wait, so that its handler would only run after it,
perhaps never. The main thread therefore ends its wait from time to time, and waits again. This file
is not compiled, since only the interpreter looks for signals between two steps.
"""

from __future__ import annotations

import threading
from math import inf
from time import monotonic
from typing import Final

# How long the main thread waits at a time, in seconds: the longest delay of a signal handler.
SIGNAL_SECONDS: Final = 0.2


def make_bell() -> threading.Lock:
    """Return a bell that has not rung. Its `release` rings it."""
    bell = threading.Lock()
    bell.acquire()
    return bell


def wait_for(bell: threading.Lock, timeout: float | None) -> bool:
    """Wait until a bell rings. Return False after the timeout.

    :param timeout: seconds; None for as long as it takes
    """
    if threading.current_thread() is not threading.main_thread():
        return bell.acquire(True, -1 if timeout is None else max(timeout, 0))
    deadline = inf if timeout is None else monotonic() + timeout
    while not bell.acquire(True, min(SIGNAL_SECONDS, max(deadline - monotonic(), 0))):
        if monotonic() >= deadline:
            return False
    return True
