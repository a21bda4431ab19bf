"""The events that wait until a program asks for them: with `Cluster.drain`, or by iterating."""

from __future__ import annotations

from coolamqp.aio.condition import Condition
from coolamqp.api.event_queue import EventQueue
from coolamqp.attaches.events import Event, NothingMuch


class Inbox:
    """Events in the order in which they happened."""

    def __init__(self) -> None:
        self._condition = Condition()
        self._queue = EventQueue()
        self._closed = False
        self._discarded = False

    def put(self, event: Event) -> bool:
        """Add an event; whether it waits now. A second lost connection in a row does not."""
        if self._discarded or not self._queue.put(event):
            return False
        self._condition.notify_all()
        self._queue.log_dropped()
        return True

    async def take(self, timeout: float | None) -> Event:
        """Wait for an event.

        :param timeout: seconds; None waits until there is one, or the inbox is closed
        :returns: `NothingMuch` if there was none
        """
        await self._condition.wait_for(self._may_go_on, timeout)
        return self._queue.pop() if self._queue else NothingMuch()

    def _may_go_on(self) -> bool:
        return bool(self._queue) or self._closed

    def close(self) -> None:
        """End all waiting."""
        self._closed = True
        self._condition.notify_all()

    def discard(self) -> list[Event]:
        """Close the inbox, and return the events that nobody has taken."""
        self._discarded = True
        self.close()
        return self._queue.take_all()
