"""Medians, spreads and ratios of the measurements."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

from bench.client_list import BY_NAME, C_CLIENT, RAW_SOCKET, Client
from bench.measurement import Measurement
from bench.task import Item

# Numbers from here have one decimal place, or none.
ONE_DECIMAL_FROM: Final = 20
NO_DECIMALS_FROM: Final = 200


class Figure(NamedTuple):
    """The median of some runs, with the least and the greatest value."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Return the figure of some values."""
        listed = list(values)
        return cls(statistics.median(listed), min(listed), max(listed))


@dataclass
class Row:
    """The runs of one client for one item, or the reason why there are none."""

    client: Client
    item: Item
    runs: list[Measurement] = field(default_factory=list)
    unable: str = ''

    def figure(self, value: Callable[[Measurement], float]) -> Figure:
        """Return the figure of a value of the runs."""
        return Figure.of(value(run) for run in self.runs)

    @property
    def costs(self) -> Figure:
        """The figure that the tables compare, in microseconds.

        It is the CPU time for a message. If each message waits for the one before, it is the median
        latency.
        """
        if self.item.one_by_one:
            return self.figure(lambda run: run.latencies['p50'] * 1e6)
        return self.figure(lambda run: run.cpu)

    @property
    def cost(self) -> float:
        """The median of `costs`."""
        return self.costs.median


class Results:
    """All rows, by item and client, in the order of the first runs."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Item, str], Row] = {}

    def row(self, client: Client, item: Item) -> Row:
        """Return the row of a client for an item; make it if necessary."""
        return self.rows.setdefault((item, client.name), Row(client, item))

    @property
    def items(self) -> list[Item]:
        """All items, without duplicates."""
        return list(dict.fromkeys(item for item, _ in self.rows))

    def of(self, item: Item) -> list[Row]:
        """Return all rows of an item."""
        return [row for (of, _), row in self.rows.items() if of == item]

    def reference(self, item: Item, name: str) -> Row | None:
        """Return the row of a client for an item; None if it has no runs."""
        row = self.rows.get((item, name))
        return row if row and row.runs else None

    def best_pure_peer(self, item: Item) -> Row | None:
        """Return the cheapest row of a peer in pure Python."""
        peers = [row for row in self.of(item) if row.runs and is_pure_peer(row.client)]
        return min(peers, key=lambda row: row.cost, default=None)

    def references(self, item: Item) -> dict[str, Row | None]:
        """Return the rows that the tables compare the others with."""
        return {
            'librabbitmq': self.reference(item, C_CLIENT),
            'best pure Python': self.best_pure_peer(item),
            'raw socket': self.reference(item, RAW_SOCKET),
        }


def is_pure_peer(client: Client) -> bool:
    """Whether a client is a peer in pure Python."""
    return client.name in BY_NAME and not client.ours and not client.compiled


def ratio(row: Row, reference: Row | None) -> float | None:
    """Return the cost of a row divided by that of the reference; None if one has no runs."""
    if reference is None or not row.runs or not reference.cost:
        return None
    return row.cost / reference.cost


def short(number: float) -> str:
    """Return a number as text, with at most two decimal places."""
    places = 2 if number < ONE_DECIMAL_FROM else 1 if number < NO_DECIMALS_FROM else 0
    return f'{number:,.{places}f}'
