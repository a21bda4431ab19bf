"""The events that wait for `Cluster.drain`."""

from __future__ import annotations

import threading
import time

from coolamqp.api.event_queue import EventQueue
from coolamqp.api.events import Event, NothingMuch


class Inbox:
    """Events in the order in which they happened."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._queue = EventQueue()
        self._closed = False

    def put(self, event: Event) -> None:
        """Add an event; a lost connection that nobody has read of yet is not told twice."""
        with self._condition:
            if self._queue.put(event):
                self._condition.notify()

    def take(self, timeout: float | None) -> Event:
        """Wait for an event.

        :param timeout: seconds; None waits until there is one, or the inbox is closed
        :returns: `NothingMuch` if there was none
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._condition:
            while not self._queue and not self._closed:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    break
                self._condition.wait(left)
            return self._queue.pop() if self._queue else NothingMuch()

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
