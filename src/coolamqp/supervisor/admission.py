"""The queue of publications that wait for room.

A publication that finds no room waits here in its turn, and fails if its time runs out. How a
program waits meanwhile is the business of its Cluster: a thread sleeps, a coroutine awaits.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial

from coolamqp.attaches.effects import Effects
from coolamqp.attaches.publication import Publication
from coolamqp.attaches.timers import Timers


class Waiting:
    """A publication that waits for room.

    :ivar over: whether it waits no more
    :ivar error: why it was not admitted; None if it was, or if it still waits
    """

    def __init__(self, publication: Publication) -> None:
        self.publication = publication
        self.over = False
        self.error: Exception | None = None


class Admission:
    """Admits publications in their order, as far as there is room.

    :param has_room: whether one more may be admitted
    :param admit: called with each publication that is admitted
    """

    def __init__(
        self,
        has_room: Callable[[], bool],
        admit: Callable[[Publication], object],
        effects: Effects,
        timers: Timers,
    ) -> None:
        self._has_room = has_room
        self._admit = admit
        self._effects = effects
        self._timers = timers
        self._queue: OrderedDict[Publication, Waiting] = OrderedDict()

    def __len__(self) -> int:
        return len(self._queue)

    def __iter__(self) -> Iterator[Publication]:
        return iter(self._queue)

    def enqueue(self, publication: Publication, timeout: float | None) -> Waiting:
        """Let a publication wait for room.

        :param timeout: how long it may wait, in seconds; then its promise ends with `TimeoutError`
        """
        waiting = self._queue[publication] = Waiting(publication)
        if timeout is not None:
            self._timers.after(timeout, partial(self._expire, waiting, timeout))
        return waiting

    def admit_waiting(self) -> None:
        """Admit as many as there is room for."""
        while self._queue and self._has_room():
            self._admit_first()

    def admit_all(self) -> None:
        """Admit all that wait, room or not, since no more will come."""
        while self._queue:
            self._admit_first()

    def fail_all(self, error: Exception) -> None:
        """Fail all that wait."""
        while self._queue:
            self._fail(self._queue.popitem(last=False)[1], error)

    def withdraw(self, publication: Publication) -> bool:
        """Take a publication back; False if it does not wait here."""
        waiting = self._queue.pop(publication, None)
        if waiting is None:
            return False
        waiting.over = True
        return True

    def _admit_first(self) -> None:
        publication, waiting = self._queue.popitem(last=False)
        waiting.over = True
        self._admit(publication)

    def _expire(self, waiting: Waiting, timeout: float) -> None:
        if not waiting.over:
            del self._queue[waiting.publication]
            error = TimeoutError(f'too much is unconfirmed or unsent, for {timeout} s already')
            self._fail(waiting, error)

    def _fail(self, waiting: Waiting, error: Exception) -> None:
        waiting.over = True
        waiting.error = error
        self._effects.fail(waiting.publication.promise, error)
