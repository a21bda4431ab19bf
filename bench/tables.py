"""The tables for the terminal."""

from __future__ import annotations

from typing import Final

from rich.table import Table

from bench.figures import Figure, Results, Row, ratio, short
from bench.measurement import QUANTILES
from bench.task import Item

NONE: Final = '-'


def table(results: Results, item: Item) -> Table:
    """Return the table of one item, the cheapest client first."""
    drawn = Table(
        title=str(item), title_justify='left', caption=_caption(item), caption_justify='left'
    )
    for heading in _headings(item):
        drawn.add_column(heading, justify='left' if heading == 'client' else 'right', no_wrap=True)
    able = [row for row in results.of(item) if row.runs]
    for row in sorted(able, key=lambda row: row.cost):
        drawn.add_row(*_cells(results, row), style='bold' if row.client.ours else None)
    return drawn


def inabilities(results: Results, item: Item) -> list[str]:
    """Return the clients that are not in the table, each with the reason."""
    return [f'{row.client.label}: {row.unable}' for row in results.of(item) if row.unable]


def _headings(item: Item) -> list[str]:
    headings = ['client', 'messages/s']
    headings += [f'{name} µs' for name in QUANTILES] if item.one_by_one else []
    headings += [] if item.busy else ['CPU µs', 'system']
    headings += ['started ms'] if item.starts_first else []
    return [*headings, 'MiB', '÷ C', '÷ pure', '÷ raw socket']


def _caption(item: Item) -> str:
    compared = 'p50 latency' if item.one_by_one else 'CPU a message'
    return (
        f'Medians, with least and most. Less is better: {compared} divided by that of '
        'librabbitmq (C), of the best peer in pure Python, and of the raw socket.'
    )


def _cells(results: Results, row: Row) -> list[str]:
    cells = [row.client.label, f'{row.figure(lambda run: run.rate).median:,.0f}']
    if row.item.one_by_one:
        cells += [_spread(row.costs), _latency(row, 'p99'), _latency(row, 'p99.9')]
    if not row.item.busy:
        cpu = row.figure(lambda run: run.cpu)
        cells.append(short(cpu.median) if row.item.one_by_one else _spread(cpu))
        cells.append(f'{row.figure(lambda run: run.system_share).median:.0%}')
    if row.item.starts_first:
        cells.append(f'{row.figure(lambda run: run.start).median * 1e3:,.0f}')
    cells.append(f'{row.figure(lambda run: run.peak).median / (1 << 20):.0f}')
    found = [ratio(row, reference) for reference in results.references(row.item).values()]
    return cells + [NONE if each is None else short(each) for each in found]


def _latency(row: Row, name: str) -> str:
    return f'{row.figure(lambda run: run.latencies[name]).median * 1e6:,.0f}'


def _spread(figure: Figure) -> str:
    return f'{short(figure.median)} ({short(figure.least)} to {short(figure.most)})'
