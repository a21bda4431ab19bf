"""Medians, spreads and ratios of what the runs gave."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

from bench.measurement import Measurement
from bench.roster import BY_NAME, C_CLIENT, FLOOR, Client
from bench.task import Item

# From here on, one decimal place says enough, and none.
NO_CENTS: Final = 20
NO_TENTHS: Final = 200


class Figure(NamedTuple):
    """The median of some runs, and what it lies between."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Take them from the values."""
        listed = list(values)
        return cls(statistics.median(listed), min(listed), max(listed))


@dataclass
class Row:
    """One client at one item: its runs, or why there are none."""

    client: Client
    item: Item
    runs: list[Measurement] = field(default_factory=list)
    unable: str = ''

    def figure(self, value: Callable[[Measurement], float]) -> Figure:
        """Give the figure of some value of the runs."""
        return Figure.of(value(run) for run in self.runs)

    @property
    def costs(self) -> Figure:
        """What clients are compared by, in microseconds.

        CPU a message, or the latency where each message waits for the one before.
        """
        if self.item.one_by_one:
            return self.figure(lambda run: run.latencies['p50'] * 1e6)
        return self.figure(lambda run: run.cpu)

    @property
    def cost(self) -> float:
        """The median of it."""
        return self.costs.median


class Results:
    """All rows, by item and client, in the order in which they were first measured."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Item, str], Row] = {}

    def row(self, client: Client, item: Item) -> Row:
        """Give the row, which is empty at first."""
        return self.rows.setdefault((item, client.name), Row(client, item))

    @property
    def items(self) -> list[Item]:
        """The items, each once."""
        return list(dict.fromkeys(item for item, _ in self.rows))

    def of(self, item: Item) -> list[Row]:
        """Give all rows of an item."""
        return [row for (of, _), row in self.rows.items() if of == item]

    def reference(self, item: Item, name: str) -> Row | None:
        """Give the row of a client if it could do the item."""
        row = self.rows.get((item, name))
        return row if row and row.runs else None

    def best_pure_peer(self, item: Item) -> Row | None:
        """Give the cheapest row of those peers that are all Python."""
        peers = [row for row in self.of(item) if row.runs and is_pure_peer(row.client)]
        return min(peers, key=lambda row: row.cost, default=None)

    def references(self, item: Item) -> dict[str, Row | None]:
        """Give the rows with which the others are compared."""
        return {
            'librabbitmq': self.reference(item, C_CLIENT),
            'best pure Python': self.best_pure_peer(item),
            'floor': self.reference(item, FLOOR),
        }


def is_pure_peer(client: Client) -> bool:
    """Whether it is somebody else's, and all Python."""
    return client.name in BY_NAME and not client.ours and not client.compiled


def ratio(row: Row, reference: Row | None) -> float | None:
    """Give what the row costs for each unit that the reference costs."""
    if reference is None or not row.runs or not reference.cost:
        return None
    return row.cost / reference.cost


def short(number: float) -> str:
    """Write a number with as many decimal places as say something."""
    places = 2 if number < NO_CENTS else 1 if number < NO_TENTHS else 0
    return f'{number:,.{places}f}'
