"""The events that wait for `Cluster.drain`."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Final

from coolamqp.faces.events import ConnectionLost, Event, MessageReceived, NothingMuch

logger = logging.getLogger(__name__)

# How many events that are no messages are kept; messages are bounded elsewhere.
NEWS_MAX: Final = 1000


class Inbox:
    """Events in the order in which they happened."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._events: deque[Event] = deque()
        self._news = 0  # how many of them are no messages
        self._closed = False

    def put(self, event: Event) -> None:
        """Add an event; a lost connection that nobody has read of yet is not told twice."""
        with self._condition:
            if isinstance(event, ConnectionLost) and self._ends_with_a_loss():
                return
            if not isinstance(event, MessageReceived):
                self._make_room()
            self._events.append(event)
            self._condition.notify()

    def _ends_with_a_loss(self) -> bool:
        return bool(self._events) and isinstance(self._events[-1], ConnectionLost)

    def _make_room(self) -> None:
        """Forget the oldest piece of news if there are too many; nobody may ever drain them."""
        self._news += 1
        if self._news <= NEWS_MAX:
            return
        oldest = next(each for each in self._events if not isinstance(each, MessageReceived))
        self._events.remove(oldest)
        self._news -= 1
        logger.warning('nobody drains events; the oldest is forgotten: %r', oldest)

    def take(self, timeout: float | None) -> Event:
        """Wait for an event.

        :param timeout: seconds; None waits until there is one, or the inbox is closed
        :returns: `NothingMuch` if there was none
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._condition:
            while not self._events and not self._closed:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    break
                self._condition.wait(left)
            return self._pop() if self._events else NothingMuch()

    def _pop(self) -> Event:
        event = self._events.popleft()
        if not isinstance(event, MessageReceived):
            self._news -= 1
        return event

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
