"""The consumers of a queue, and the choice of the consumer for the next message.

https://www.rabbitmq.com/docs/consumer-priority and
https://www.rabbitmq.com/docs/consumers#single-active-consumer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from coolamqp.broker.delivery import Consumer


class Consumers:
    """The consumers of a queue. Messages go round-robin to those that can receive one.

    The time of `next` and `resume` does not depend on the number of consumers.

    :param single_active: whether only one consumer at a time receives messages
    :ivar active: the consumer that receives messages, if there is only one; None for none
    """

    def __init__(self, single_active: bool) -> None:
        self.active: Consumer | None = None
        self._single_active = single_active
        self._all: dict[Consumer, None] = {}
        self._levels: dict[int, _Level] = {}
        self._order: list[int] = []  # the priorities in use, the highest first

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Consumer]:
        return iter(list(self._all))

    @property
    def exclusive(self) -> bool:
        """Whether the queue has an exclusive consumer, which is then its only consumer."""
        return len(self._all) == 1 and next(iter(self._all)).exclusive

    def add(self, consumer: Consumer) -> None:
        """Add a consumer."""
        self._all[consumer] = None
        level = self._levels.get(consumer.priority)
        if level is None:
            level = self._levels[consumer.priority] = _Level()
            self._order = sorted(self._levels, reverse=True)
        level.count += 1
        level.takers[consumer] = None
        self._choose_active()

    def remove(self, consumer: Consumer) -> None:
        """Remove a consumer."""
        del self._all[consumer]
        level = self._levels[consumer.priority]
        level.count -= 1
        level.takers.pop(consumer, None)
        if not level.count:
            del self._levels[consumer.priority]
            self._order.remove(consumer.priority)
        if consumer is self.active:
            self.active = None
            self._choose_active()

    def next(self) -> Consumer | None:
        """Return the consumer for the next message; None if no consumer can receive one."""
        if self._single_active:
            active = self.active
            return active if active is not None and active.can_take() else None
        for priority in self._order:
            takers = self._levels[priority].takers
            while takers:
                consumer = next(iter(takers))
                if consumer.can_take():
                    if len(takers) > 1:
                        takers.move_to_end(consumer)
                    return consumer
                del takers[consumer]
                consumer.waits = True
        return None

    def resume(self, consumer: Consumer) -> None:
        """Record that a consumer can receive messages again."""
        if consumer.waits:
            consumer.waits = False
            self._levels[consumer.priority].takers[consumer] = None

    def _choose_active(self) -> None:
        """Choose the active consumer: the first one of the highest priority.

        An active consumer stays active, even if a consumer of a higher priority comes.
        """
        if self.active is None and self._single_active and self._order:
            self.active = next(iter(self._levels[self._order[0]].takers))


class _Level:
    """The consumers of one priority.

    :ivar count: the number of consumers
    :ivar takers: the consumers that may be able to receive a message, the next one first
    """

    __slots__ = ('count', 'takers')

    def __init__(self) -> None:
        self.count = 0
        self.takers: OrderedDict[Consumer, None] = OrderedDict()
