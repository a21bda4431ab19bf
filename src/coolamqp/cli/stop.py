"""The end of a command by Ctrl-C or SIGTERM, so that it finishes what it has begun."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Iterator
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, Self, TypeVar

T = TypeVar('T')

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """The wish of the user to end a command, during a `with` block in the main thread.

    The first signal only sets `requested`, and wakes those that wait here. So it never ends a call
    of a Cluster half-way. Enter it when the command is connected: until then, the first signal may
    end everything. The second one raises `KeyboardInterrupt` at once.

    :ivar requested: whether a signal has come
    """

    def __init__(self) -> None:
        self.requested = False
        self._may_raise = False
        # A signal handler may put into a SimpleQueue, whatever the thread was doing.
        self._bells: list[SimpleQueue[Any]] = [SimpleQueue()]
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        self._before = [signal.signal(each, self._on_signal) for each in SIGNALS]
        return self

    def __exit__(self, *_: object) -> None:
        for each, before in zip(SIGNALS, self._before, strict=True):
            signal.signal(each, before)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        is_second, self.requested = self.requested, True
        for bell in self._bells:
            bell.put(None)
        if is_second or self._may_raise:
            raise KeyboardInterrupt

    def wakes(self, bell: SimpleQueue[Any]) -> None:
        """Put None into a queue when a signal comes."""
        self._bells.append(bell)

    def sleep(self, seconds: float) -> None:
        """Wait for a time, or for a signal."""
        if not self.requested and seconds > 0:
            try:
                self._bells[0].get(timeout=seconds)
            except Empty:
                return

    def at_rate(self, items: Iterable[T], per_second: float | None) -> Iterator[T]:
        """Yield items at a rate until a signal comes; None for as fast as possible."""
        began = time.monotonic()
        for number, item in enumerate(items):
            if per_second is not None:
                self.sleep(began + number / per_second - time.monotonic())
            if self.requested:
                return
            yield item

    def until_stopped(self, items: Iterable[T]) -> Iterator[T]:
        """Yield items until a signal comes; it also ends the wait for the next one."""
        iterator = iter(items)
        while not self.requested:
            try:
                self._may_raise = True
                try:
                    item = next(iterator)
                finally:
                    self._may_raise = False
            except (StopIteration, KeyboardInterrupt):
                return
            yield item
