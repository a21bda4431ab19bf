"""The consumers of a queue: who receives the next message.

https://www.rabbitmq.com/docs/consumers, on priority and on single active consumers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from coolamqp.broker.delivery import Consumer


class Consumers:
    """The consumers of a queue, of which those that can take a message take turns.

    :param single_active: whether only one consumer at a time receives messages
    """

    def __init__(self, single_active: bool) -> None:
        self.active: Consumer | None = None
        self._single_active = single_active
        self._all: list[Consumer] = []
        self._levels: dict[int, deque[Consumer]] = {}
        self._order: list[int] = []  # the priorities in use, the highest first

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Consumer]:
        return iter(list(self._all))

    @property
    def exclusive(self) -> bool:
        """Whether one of the consumers is exclusive."""
        return any(consumer.exclusive for consumer in self._all)

    def add(self, consumer: Consumer) -> None:
        """Add a consumer."""
        self._all.append(consumer)
        if self._single_active:
            self._choose_active()
            return
        level = self._levels.get(consumer.priority)
        if level is None:
            level = self._levels[consumer.priority] = deque()
            self._order = sorted(self._levels, reverse=True)
        level.append(consumer)

    def remove(self, consumer: Consumer) -> None:
        """Remove a consumer."""
        self._all.remove(consumer)
        if consumer is self.active:
            self.active = None
            self._choose_active()
        level = self._levels.get(consumer.priority)
        if level is not None and consumer in level:
            level.remove(consumer)

    def next(self) -> Consumer | None:
        """Return the consumer for the next message; None if none can take one."""
        if self._single_active:
            active = self.active
            return active if active is not None and active.can_take() else None
        for priority in self._order:
            level = self._levels[priority]
            while level:
                consumer = level[0]
                if consumer.can_take():
                    level.rotate(-1)
                    return consumer
                level.popleft()
                consumer.waits = True
        return None

    def resume(self, consumer: Consumer) -> None:
        """Let a consumer take messages again."""
        if consumer.waits:
            consumer.waits = False
            self._levels[consumer.priority].append(consumer)

    def _choose_active(self) -> None:
        """Choose the active consumer: the first one of the highest priority.

        One that is active stays so, even if one of a higher priority comes.
        """
        if self.active is None and self._single_active and self._all:
            self.active = max(self._all, key=lambda consumer: consumer.priority)
