"""The history of a run: what was published, confirmed, delivered and acknowledged, and when.

A test records events while it causes faults, and `complaints` judges them afterwards. Times are
seconds since the epoch, like those in RabbitMQ's log. This module must not know the client.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

# An acknowledgement this long before a fault may still be on its way, in seconds.
ON_ITS_WAY = 1.0


class What(Enum):
    """What happened to a message."""

    PUBLISH = 'published'
    CONFIRM = 'confirmed'
    FAIL = 'failed'  # its future ended with an error
    DELIVER = 'delivered'
    ACK = 'acknowledged'


class Identity(NamedTuple):
    """The identity of a message: its queue, the thread that published it, and its number there."""

    queue: str
    thread: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the identity with this text."""
        queue, thread, number = text.split('/')
        return cls(queue, int(thread), int(number))

    def __str__(self) -> str:
        return f'{self.queue}/{self.thread}/{self.number}'


class Event(NamedTuple):
    """An event of a message."""

    when: float
    what: What
    message: Identity


class Fault(NamedTuple):
    """The time from a fault until everything works again."""

    name: str
    start: float
    end: float


class Call(NamedTuple):
    """A request that has ended: with a reply, or with an error."""

    start: float
    end: float
    error: BaseException | None


class History:
    """Events, calls and faults. Any thread may record them.

    :ivar unsettled: the published messages of each queue whose futures have not ended
    :ivar unread: the confirmed messages of each queue that are not acknowledged
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self._changed = threading.Condition()
        self.unsettled: dict[str, set[Identity]] = defaultdict(set)
        self.unread: dict[str, set[Identity]] = defaultdict(set)
        self._messages: dict[tuple[What, str], set[Identity]] = defaultdict(set)

    def record(self, what: What, message: Identity) -> None:
        """Record an event."""
        with self._changed:
            self.events.append(Event(time.time(), what, message))
            self._messages[what, message.queue].add(message)
            self._update_open(what, message)
            self._changed.notify_all()

    def _update_open(self, what: What, message: Identity) -> None:
        unsettled, unread = self.unsettled[message.queue], self.unread[message.queue]
        if what is What.PUBLISH:
            unsettled.add(message)
        elif what in {What.CONFIRM, What.FAIL}:
            unsettled.discard(message)
        if what is What.CONFIRM and message not in self._messages[What.ACK, message.queue]:
            unread.add(message)
        elif what is What.ACK:
            unread.discard(message)

    def record_call(self, start: float, error: BaseException | None) -> None:
        """Record the end of a call."""
        with self._changed:
            self.calls.append(Call(start, time.time(), error))
            self._changed.notify_all()

    @contextmanager
    def fault(self, name: str) -> Iterator[None]:
        """Record the block as the time of a fault."""
        start = time.time()
        yield
        self.faults.append(Fault(name, start, time.time()))

    def count(self, what: What, queue: str) -> int:
        """Return to how many messages of a queue this has happened, each counted once."""
        return len(self._messages[what, queue])

    def wait_until(self, holds: Callable[[], bool], timeout: float, text: str) -> None:
        """Wait until a condition on this history holds.

        :raises TimeoutError: it does not hold in time
        """
        with self._changed:
            if not self._changed.wait_for(holds, timeout):
                counts = ', '.join(
                    f'{len(messages)} {what.value} in {queue}'
                    for (what, queue), messages in self._messages.items()
                )
                raise TimeoutError(f'not within {timeout:.0f} s: {text}; there are {counts}')


def complaints(history: History, ordered: Collection[str] = ()) -> list[str]:
    """Return what is wrong with a history.

    :param ordered: the queues that were read only after the faults, in which the messages of each
        thread must be in order
    """
    times = _times(history.events)
    found = [text for message, of in times.items() for text in _wrong_with(message, of)]
    found += [
        f'{message}: delivered {len(of[What.DELIVER])} times, but no fault interrupted it'
        for message, of in times.items()
        if len(of[What.DELIVER]) > 1 and not _interrupted(of, history.faults)
    ]
    found += [
        f'call of {call.end - call.start:.1f} s: failed without a fault: {call.error!r}'
        for call in history.calls
        if call.error and not any(_overlap(call.start, call.end, each) for each in history.faults)
    ]
    return found + _out_of_order(history.events, ordered)


def longest_gap(history: History, what: What, queue: str, fault: Fault) -> tuple[float, float]:
    """Return start and end of the longest time without such an event, during a fault."""
    moments = [
        event.when
        for event in history.events
        if event.what is what and event.message.queue == queue
        if fault.start <= event.when <= fault.end
    ]
    return max(pairwise([fault.start, *moments]), key=lambda gap: gap[1] - gap[0], default=(0, 0))


_Times = dict[What, list[float]]


def _times(events: list[Event]) -> dict[Identity, _Times]:
    """Return for each message the times of its events."""
    found: dict[Identity, _Times] = defaultdict(lambda: {what: [] for what in What})
    for event in events:
        found[event.message][event.what].append(event.when)
    return found


def _wrong_with(message: Identity, times: _Times) -> Iterator[str]:
    if not times[What.PUBLISH]:
        yield f'{message}: delivered, but never published'
    elif len(times[What.CONFIRM]) + len(times[What.FAIL]) != 1:
        yield f'{message}: its future has not ended once'
    elif times[What.FAIL]:
        yield f'{message}: failed'
    elif not times[What.DELIVER]:
        yield f'{message}: confirmed, but lost'


def _interrupted(times: _Times, faults: list[Fault]) -> bool:
    """Whether a fault interrupted the publishing of a message, or its delivery."""
    spans = ((What.PUBLISH, What.CONFIRM), (What.DELIVER, What.ACK))
    return any(
        _overlap(min(times[first]), min(times[last]) + ON_ITS_WAY, fault)
        for first, last in spans
        if times[first] and times[last]
        for fault in faults
    )


def _overlap(start: float, end: float, fault: Fault) -> bool:
    return start <= fault.end and end >= fault.start


def _out_of_order(events: list[Event], ordered: Collection[str]) -> list[str]:
    """Return the messages whose first delivery came after that of a later message."""
    found, last, seen = [], dict[tuple[str, int], Identity](), set[Identity]()
    for _, what, message in events:
        if what is not What.DELIVER or message.queue not in ordered or message in seen:
            continue
        seen.add(message)
        before = last.setdefault(message[:2], message)
        if message.number < before.number:
            found.append(f'{message}: delivered after {before}')
        else:
            last[message[:2]] = message
    return found
