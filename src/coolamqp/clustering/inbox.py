"""The events that wait until a program asks for them: with `Cluster.drain`, or by iterating."""

from __future__ import annotations

import threading
import time

from coolamqp.api.event_queue import EventQueue
from coolamqp.attaches.events import Event, NothingMuch


class Inbox:
    """Events in the order in which they happened."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._queue = EventQueue()
        self._closed = False
        self._discarded = False

    def put(self, event: Event) -> bool:
        """Add an event; whether it waits now. A second lost connection in a row does not."""
        with self._condition:
            if self._discarded or not self._queue.put(event):
                return False
            self._condition.notify()
            return True

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
        """End all waiting."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def discard(self) -> list[Event]:
        """Take no more events, and return those that were not taken."""
        with self._condition:
            self._closed = self._discarded = True
            self._condition.notify_all()
            return self._queue.take_all()
