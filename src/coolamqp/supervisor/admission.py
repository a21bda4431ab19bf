"""Admission: the queue of publications that wait for room in the publish window.

Publications wait in order, and fail after their timeout. The Cluster decides how a program waits
meanwhile: a thread sleeps, a coroutine awaits.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial

from coolamqp.attaches.effects import Effects
from coolamqp.attaches.publication import Publication
from coolamqp.timers import Timer, Timers


class Waiting:
    """A publication that waits for room.

    :ivar over: whether the wait has ended
    :ivar error: the error if the publication was not admitted; otherwise None
    :ivar raises: whether a waiting thread raises this error. Nobody then has the promise
    """

    def __init__(self, publication: Publication) -> None:
        self.publication = publication
        self.over = False
        self.error: Exception | None = None
        self.raises = False
        self.timer: Timer | None = None


class Admission:
    """The queue of waiting publications. It admits them in order, when there is room.

    :param has_room: returns whether there is room for one more publication
    :param admit: called with each admitted publication
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
        """Add a publication to the queue.

        :param timeout: the time to wait for room, in seconds; None for no limit. After it, the
            promise of the publication ends with `TimeoutError`
        """
        waiting = self._queue[publication] = Waiting(publication)
        if timeout is not None:
            waiting.timer = self._timers.after(timeout, partial(self._expire, waiting, timeout))
        return waiting

    def admit_waiting(self) -> None:
        """Admit publications while there is room."""
        while self._queue and self._has_room():
            self._admit_first()

    def end(self, error: Exception) -> None:
        """Fail the publications of waiting threads, and admit the others, even without room.

        A program has the promises of the others. It has published them, so the broker receives
        them.
        """
        while self._queue:
            waiting = next(iter(self._queue.values()))
            if waiting.raises:
                self._fail(self._queue.popitem(last=False)[1], error)
            else:
                self._admit_first()

    def fail_all(self, error: Exception) -> None:
        """Fail all waiting publications."""
        while self._queue:
            self._fail(self._queue.popitem(last=False)[1], error)

    def withdraw(self, publication: Publication) -> bool:
        """Remove a publication from the queue. Return False if it is not in the queue."""
        waiting = self._queue.pop(publication, None)
        if waiting is None:
            return False
        self._end(waiting)
        return True

    def _admit_first(self) -> None:
        publication, waiting = self._queue.popitem(last=False)
        self._end(waiting)
        self._admit(publication)

    def _expire(self, waiting: Waiting, timeout: float) -> None:
        del self._queue[waiting.publication]
        self._fail(waiting, no_room(timeout))

    def _fail(self, waiting: Waiting, error: Exception) -> None:
        self._end(waiting)
        waiting.error = error
        if not waiting.raises:
            self._effects.fail(waiting.publication.promise, error)

    def _end(self, waiting: Waiting) -> None:
        waiting.over = True
        if waiting.timer is not None:  # It holds the publication.
            self._timers.cancel(waiting.timer)


def no_room(timeout: float | None) -> TimeoutError:
    """Return the error for a publication that has waited too long, in seconds."""
    return TimeoutError(
        f'no room to publish within {timeout} s: too much is unconfirmed or unsent; '
        f'publish more slowly, or with a longer timeout'
    )
