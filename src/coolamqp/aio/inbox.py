"""The events that wait for `Cluster.drain`."""

from __future__ import annotations

from coolamqp.aio.condition import Condition
from coolamqp.api.event_queue import EventQueue
from coolamqp.api.events import Event, NothingMuch


class Inbox:
    """Events in the order in which they happened."""

    def __init__(self) -> None:
        self._condition = Condition()
        self._queue = EventQueue()
        self._closed = False

    def put(self, event: Event) -> None:
        """Add an event; a lost connection that nobody has read of yet is not told twice."""
        if self._queue.put(event):
            self._condition.notify_all()

    async def take(self, timeout: float | None) -> Event:
        """Wait for an event.

        :param timeout: seconds; None waits until there is one, or the inbox is closed
        :returns: `NothingMuch` if there was none
        """
        await self._condition.wait_for(self._has_news, timeout)
        return self.take_at_once()

    def take_at_once(self) -> Event:
        """Give an event, or `NothingMuch` if there is none."""
        return self._queue.pop() if self._queue else NothingMuch()

    def _has_news(self) -> bool:
        return bool(self._queue) or self._closed

    def close(self) -> None:
        """Let nobody wait any more."""
        self._closed = True
        self._condition.notify_all()
