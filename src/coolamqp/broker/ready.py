"""The ready messages of a queue, in order: by priority, and by position within a priority."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterator
from operator import attrgetter

from coolamqp.broker.delivery import Entry

_position = attrgetter('position')


class ReadyMessages:
    """The ready messages of a queue.

    :ivar count: the number of messages
    :ivar size: the size of their bodies, in bytes
    """

    def __init__(self) -> None:
        self.count = 0
        self.size = 0
        self._levels: dict[int, deque[Entry]] = {0: deque()}
        self._order = [0]  # the priorities in use, the highest first

    def __iter__(self) -> Iterator[Entry]:
        for priority in self._order:
            yield from self._levels[priority]

    def append(self, entry: Entry, priority: int = 0) -> None:
        """Add a message behind all others of its priority."""
        self._level(priority).append(entry)
        self._added(entry)

    def insert(self, entry: Entry, priority: int = 0) -> None:
        """Return a message to its old position."""
        level = self._level(priority)
        if not level or entry.position < level[0].position:
            level.appendleft(entry)
        elif entry.position > level[-1].position:
            level.append(entry)
        else:
            insort(level, entry, key=_position)
        self._added(entry)

    def first(self) -> Entry | None:
        """Return the next message; None if the queue has none."""
        for priority in self._order:
            level = self._levels[priority]
            if level:
                return level[0]
        return None

    def pop(self) -> Entry | None:
        """Remove the next message, and return it; None if the queue has none."""
        for priority in self._order:
            level = self._levels[priority]
            if level:
                return self._removed(level.popleft())
        return None

    def pop_expired(self, now: float) -> list[Entry]:
        """Remove the expired messages at the heads of all priorities, and return them.

        A message expires only at the head, as in RabbitMQ: https://www.rabbitmq.com/docs/ttl.
        """
        expired = []
        for priority in self._order:
            level = self._levels[priority]
            while level and level[0].expires_at <= now:
                expired.append(self._removed(level.popleft()))
        return expired

    def next_expiry(self) -> float | None:
        """Return the time at which the first message at a head expires; None without messages."""
        times = [self._levels[each][0].expires_at for each in self._order if self._levels[each]]
        return min(times, default=None)

    def clear(self) -> list[Entry]:
        """Remove all messages, and return them."""
        entries = list(self)
        for level in self._levels.values():
            level.clear()
        self.count = self.size = 0
        return entries

    def _level(self, priority: int) -> deque[Entry]:
        level = self._levels.get(priority)
        if level is None:
            level = self._levels[priority] = deque()
            self._order = sorted(self._levels, reverse=True)
        return level

    def _added(self, entry: Entry) -> None:
        self.count += 1
        self.size += len(entry.message.body)

    def _removed(self, entry: Entry) -> Entry:
        self.count -= 1
        self.size -= len(entry.message.body)
        return entry
