"""The events that wait for somebody to ask for them, in the order in which they happened."""

from __future__ import annotations

import logging
from collections import deque
from typing import Final

from coolamqp.attaches.events import ConnectionLost, Event, MessageReceived

logger = logging.getLogger(__name__)

# How many events that are no messages are kept; messages are bounded elsewhere.
NEWS_MAX: Final = 1000


class EventQueue:
    """Keeps messages, and a bounded number of other events."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._news = 0  # how many of them are no messages

    def __bool__(self) -> bool:
        return bool(self._events)

    def put(self, event: Event) -> bool:
        """Add an event; False for a lost connection if nobody has read of the one before yet."""
        if isinstance(event, ConnectionLost) and self._ends_with_a_loss():
            return False
        if not isinstance(event, MessageReceived):
            self._make_room()
        self._events.append(event)
        return True

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

    def take_all(self) -> list[Event]:
        """Return all events, and forget them."""
        events = list(self._events)
        self._events.clear()
        self._news = 0
        return events

    def pop(self) -> Event:
        """Return the oldest event, and forget it; there must be one."""
        event = self._events.popleft()
        if not isinstance(event, MessageReceived):
            self._news -= 1
        return event
