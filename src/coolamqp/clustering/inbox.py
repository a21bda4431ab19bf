"""The events that wait until a program asks for them: with `Cluster.drain`, or by iterating."""

from __future__ import annotations

import threading

from coolamqp.api.event_queue import EventQueue
from coolamqp.attaches.events import Event, NothingMuch
from coolamqp.clustering.condition import Condition


class Inbox:
    """Events in the order in which they happened.

    :param lock: the lock of the dispatcher
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._condition = Condition(lock)
        self._queue = EventQueue()
        self._closed = False
        self._discarded = False

    def put(self, event: Event) -> bool:
        """Add an event; whether it waits now. A second lost connection in a row does not."""
        with self._condition:
            if self._discarded or not self._queue.put(event):
                return False
            self._condition.notify()
        self._queue.log_dropped()
        return True

    def take(self, timeout: float | None) -> Event:
        """Wait for an event.

        :param timeout: seconds; None waits until there is one, or the inbox is closed
        :returns: `NothingMuch` if there was none
        """
        with self._condition:
            self._condition.wait_for(self._has_news, timeout)
            return self._queue.pop() if self._queue else NothingMuch()

    def _has_news(self) -> bool:
        return bool(self._queue) or self._closed

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
