"""The queue of the events that wait for `drain` or for an iteration, oldest first."""

from __future__ import annotations

import logging
from collections import deque
from typing import Final

from coolamqp.attaches.events import ConnectionLost, Event, MessageReceived
from coolamqp.log_events import LogEvent, extra

logger = logging.getLogger(__name__)

# The queue keeps at most this many events besides messages. The read watermarks bound messages.
OTHER_EVENTS_MAX: Final = 1000


class EventQueue:
    """The queue of messages and of a bounded number of other events."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._others = 0  # the number of events that are not messages
        self._dropped: deque[Event] = deque()

    def __bool__(self) -> bool:
        return bool(self._events)

    def put(self, event: Event) -> bool:
        """Add an event, but no `ConnectionLost` directly after another one.

        :returns: whether the event was added
        """
        if isinstance(event, ConnectionLost) and self._ends_with_a_loss():
            return False
        if not isinstance(event, MessageReceived):
            self._make_room()
        self._events.append(event)
        return True

    def _ends_with_a_loss(self) -> bool:
        return bool(self._events) and isinstance(self._events[-1], ConnectionLost)

    def _make_room(self) -> None:
        """Drop the oldest of the other events if there are too many."""
        self._others += 1
        if self._others <= OTHER_EVENTS_MAX:
            return
        oldest = next(each for each in self._events if not isinstance(each, MessageReceived))
        self._events.remove(oldest)
        self._others -= 1
        self._dropped.append(oldest)

    def log_dropped(self) -> None:
        """Log the events that `put` has dropped; without a lock, since log handlers may block."""
        while self._dropped:
            logger.warning(
                'CoolAMQP has dropped the oldest of %d events, because the program does not call '
                'drain() often enough: %r',
                OTHER_EVENTS_MAX + 1,
                self._dropped.popleft(),
                extra=extra(LogEvent.EVENTS_DROPPED),
            )

    def take_all(self) -> list[Event]:
        """Remove and return all events."""
        events = list(self._events)
        self._events.clear()
        self._others = 0
        return events

    def pop(self) -> Event:
        """Remove and return the oldest event; the queue must not be empty."""
        event = self._events.popleft()
        if not isinstance(event, MessageReceived):
            self._others -= 1
        return event
