"""The live view of `coolamqp broker`: its queues with their rates, and its connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from coolamqp.broker import Broker, QueueCounts

# A title, the names of the columns, and the rows. Numbers stand at the right of their column.
Table: TypeAlias = tuple[str, tuple[str, ...], list[tuple[str | int, ...]]]
QUEUE_COLUMNS: Final = (
    'virtual host', 'name', 'type', 'ready', 'unacked', 'consumers', 'in/s', 'out/s',
)  # fmt: skip
CONNECTION_COLUMNS: Final = ('name', 'peer', 'user', 'virtual host', 'channels')


@dataclass(frozen=True)
class QueueRates:
    """A queue, and its rates since the last look.

    :ivar counts: its counts
    :ivar incoming: messages a second that have come into it
    :ivar outgoing: messages a second that were delivered from it
    """

    counts: QueueCounts
    incoming: int
    outgoing: int


class Overview:
    """The tables about a broker, again and again: rates are those since the last time.

    :param clock: returns the time in seconds
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._looked_at = clock()
        self._last: dict[tuple[str, str], QueueCounts] = {}

    def tables(self, broker: Broker) -> Iterator[Table]:
        """Yield a table of the queues, and one of the connections."""
        yield _queue_table(self.rates(broker.queue_counts()))
        connections = broker.connections
        yield (
            f'connections ({len(connections)})',
            CONNECTION_COLUMNS,
            [
                (each.name, each.peer, each.user, each.vhost, len(each.channels))
                for each in connections
            ],
        )

    def rates(self, queues: list[QueueCounts]) -> list[QueueRates]:
        """Return queues with their rates since the last call."""
        now, last = self._clock(), self._last
        seconds = now - self._looked_at
        self._looked_at = now
        self._last = {(each.vhost, each.name): each for each in queues}
        found = []
        for each in queues:
            published, delivered = each.published, each.delivered
            before = last.get((each.vhost, each.name))
            if before is not None and before.published <= published:  # else it is a new queue
                published -= before.published
                delivered -= before.delivered
            found.append(QueueRates(each, _rate(published, seconds), _rate(delivered, seconds)))
        return found


def _rate(count: int, seconds: float) -> int:
    return round(max(count, 0) / seconds) if seconds > 0 else 0


def _queue_table(queues: list[QueueRates]) -> Table:
    ready = sum(each.counts.ready for each in queues)
    incoming = sum(each.incoming for each in queues)
    outgoing = sum(each.outgoing for each in queues)
    title = (
        f'queues ({len(queues)}): {ready:,} messages ready, '
        f'{incoming:,} messages/s in, {outgoing:,} messages/s out'
    )
    rows: list[tuple[str | int, ...]] = [
        (
            each.counts.vhost,
            each.counts.name,
            each.counts.kind,
            each.counts.ready,
            each.counts.unacked,
            each.counts.consumers,
            each.incoming,
            each.outgoing,
        )
        for each in queues
    ]
    return title, QUEUE_COLUMNS, rows
