"""Where publications wait in a row until there is room for them.

Nobody is kept waiting in `publish`: it gives a future, and awaiting that is the back-pressure.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator

from coolamqp.aio.future import ClusterFuture
from coolamqp.attaches.publication import Publication


class Admission:
    """Hands publications over in their order, as far as there is room.

    :param has_room: whether one more may be handed over
    :param hand_over: takes a publication, whose promise is set
    """

    def __init__(
        self, has_room: Callable[[], bool], hand_over: Callable[[Publication], object]
    ) -> None:
        self._has_room = has_room
        self._hand_over = hand_over
        self._futures: OrderedDict[Publication, ClusterFuture] = OrderedDict()
        self._timers: dict[Publication, asyncio.TimerHandle] = {}

    def __iter__(self) -> Iterator[ClusterFuture]:
        return iter(self._futures.values())

    def submit(
        self, publication: Publication, future: ClusterFuture, timeout: float | None
    ) -> None:
        """Hand a publication over, at once or in its turn.

        :param timeout: how long it may wait, in seconds; then its future ends with `TimeoutError`
        """
        if self.pass_through(publication):
            return
        self._futures[publication] = future
        if timeout is not None:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(timeout, self._expire, publication, timeout)
            self._timers[publication] = timer

    def pass_through(self, publication: Publication) -> bool:
        """Hand a publication over, but only if that can be done at once."""
        if self._futures or not self._has_room():
            return False
        self._hand_over(publication)
        return True

    def admit(self) -> bool:
        """Hand over as many as there is room for; whether there was any."""
        admitted = False
        while self._futures and self._has_room():
            self._hand_over_first()
            admitted = True
        return admitted

    def clear(self) -> None:
        """Hand over all, room or not: no more will come."""
        while self._futures:
            self._hand_over_first()

    def withdraw(self, publication: Publication) -> bool:
        """Take a publication back; False if it is not here."""
        if self._futures.pop(publication, None) is None:
            return False
        self._cancel_timer(publication)
        return True

    def _hand_over_first(self) -> None:
        publication, _ = self._futures.popitem(last=False)
        self._cancel_timer(publication)
        self._hand_over(publication)

    def _cancel_timer(self, publication: Publication) -> None:
        timer = self._timers.pop(publication, None)
        if timer is not None:
            timer.cancel()

    def _expire(self, publication: Publication, timeout: float) -> None:
        del self._timers[publication]
        future = self._futures.pop(publication)
        future.set_exception(
            TimeoutError(f'too much is unconfirmed or unsent, for {timeout} s already')
        )
