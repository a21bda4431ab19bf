"""The plot of a benchmark: rates over time, and percentiles of latencies. SVG, alone or in HTML.

The colours are attributes, which every program for SVG understands. Browsers replace them by those
of `DARK_STYLE` for users who prefer dark pages.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from html import escape
from itertools import pairwise
from math import floor, log10
from typing import Any, Final

PLOTS: Final = ('.svg', '.html')
WIDTH, HEIGHT = 760, 540
LEFT, RIGHT = 70, 20
PANEL: Final = 170  # the height of each of the two panels
TOPS: Final = (80, 335)  # the upper edges of the panels
INNER: Final = WIDTH - LEFT - RIGHT
LEGEND: Final = 160  # where the legend begins, behind the title of its panel
LEGEND_STEP: Final = 110
TICKS: Final = 5  # at most about so many on an axis
BAR: Final = 0.36  # the width of a bar, as a part of the place for a percentile

# A member of the record, its name in the legend, and its class in `DARK_STYLE`.
RATES: Final = (('published', 'published', 'one'), ('consumed', 'consumed', 'two'))
LATENCIES: Final = (('confirm_ms', 'confirms', 'one'), ('latency_ms', 'latency', 'two'))
COLOURS: Final = {'one': '#2c6fbb', 'two': '#d1620b', 'ink': '#222222', 'dim': '#666666'}
GRID: Final = '#dddddd'
DASHES: Final = {'one': '', 'two': ' stroke-dasharray="7 3"'}  # for lines that lie on each other
DARK_STYLE: Final = (
    '<style>@media (prefers-color-scheme: dark) {'
    '.paper { fill: #15181d } .outline { stroke: #15181d } .grid { stroke: #3a3f47 } '
    'body { background: #15181d } '
    '.one { color: #6cb0ff } .two { color: #ff9d57 } .ink, body { color: #e8e8e8 } '
    '.dim { color: #a8adb5 }'
    '}</style>'
)
PAGE_STYLE: Final = (
    '<style>:root { color-scheme: light dark } body { font: 14px sans-serif; margin: 1em } '
    'svg { max-width: 100%; height: auto } td { padding: 0.1em 1.5em 0.1em 0 }</style>'
)


def drawing(record: dict[str, Any], kind: str) -> str:
    """Return the plot of a run, as `.svg` or `.html`."""
    svg = ''.join(_svg(record))
    if kind == '.svg':
        return svg
    rows = ''.join(f'<tr><td>{escape(name)}</td><td>{escape(plain(value))}</td></tr>'
                   for name, value in record['plan'].items())  # fmt: skip
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>coolamqp bench</title>'
        f'{PAGE_STYLE}<body>{svg}<table>{rows}</table></body></html>\n'
    )


def plain(value: object) -> str:
    """Return an option of a run as people write it."""
    words = {True: 'yes', False: 'no', None: 'none'}
    return words[value] if value is None or isinstance(value, bool) else f'{value}'


def _svg(record: dict[str, Any]) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" font-family="sans-serif" font-size="12">{DARK_STYLE}'
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    )
    yield _text(LEFT, 24, _title(record['plan']), 'ink', weight='bold')
    yield from _rates(record['samples'])
    yield from _percentiles(record)
    yield '</svg>\n'


def _title(plan: dict[str, Any]) -> str:
    rate = 'as fast as possible' if plan['rate'] is None else f'{plan["rate"]:g} messages/s each'
    return (
        f'publishers: {plan["publishers"]} ({rate}), consumers: {plan["consumers"]}, '
        f'{plan["size"]} bytes, {plan["queue_type"]} queue'
    )


def _rates(samples: list[dict[str, Any]]) -> Iterator[str]:
    """Draw a line for each rate, over the time of the run."""
    y = TOPS[0]
    lines = [(name, shown, _rates_of(samples, name)) for name, shown, _ in RATES]
    highest = max((rate for *_, points in lines for _, rate in points), default=0.0)
    top = yield from _panel(y, 'messages per second', highest)
    end = samples[-1]['seconds'] or 1.0
    for second in ticks_to(end):
        yield _text(_x(second / end), y + PANEL + 18, f'{second:,.10g} s', 'dim', 'middle')
    for place, ((_, name, colour), (*_, points)) in enumerate(zip(RATES, lines, strict=True)):
        yield from _legend(y, place, name, colour, DASHES[colour])
        path = ' '.join(f'{_x(at / end):.1f},{_y(y, rate / top):.1f}' for at, rate in points)
        yield (
            f'<polyline class="{colour}" color="{COLOURS[colour]}" points="{path}" fill="none" '
            f'stroke="currentColor" stroke-width="2"{DASHES[colour]}/>'
        )


def _rates_of(samples: list[dict[str, Any]], name: str) -> list[tuple[float, float]]:
    """Return the middle of each time between two samples, and the rate in it."""
    return [
        (
            (after['seconds'] + before['seconds']) / 2,
            (after[name] - before[name]) / (after['seconds'] - before['seconds']),
        )
        for before, after in pairwise(samples)
        if after['seconds'] > before['seconds']
    ]


def _percentiles(record: dict[str, Any]) -> Iterator[str]:
    """Draw a bar for each percentile of the latencies that there are."""
    y = TOPS[1]
    measured = [each for each in LATENCIES if any(record[each[0]].values())]
    highest = max((value for series, *_ in measured for value in record[series].values()),
                  default=0.0)  # fmt: skip
    top = yield from _panel(y, 'milliseconds', highest)
    kinds = list(record[LATENCIES[0][0]])
    slot = INNER / len(kinds)
    for place, kind in enumerate(kinds):
        middle = LEFT + slot * (place + 0.5)
        yield _text(middle, y + PANEL + 18, kind, 'dim', 'middle')
        left = middle - slot * BAR * len(measured) / 2
        for number, (series, _, colour) in enumerate(measured):
            value, x = record[series][kind], left + slot * BAR * number
            yield from _bar(x, slot * BAR - 2, y, value, top, colour)
    for place, (_, name, colour) in enumerate(measured):
        yield from _legend(y, place, name, colour)


def _bar(x: float, width: float, y: float, value: float, top: float, colour: str) -> Iterator[str]:
    upper = _y(y, value / top)
    yield (
        f'<rect class="{colour}" color="{COLOURS[colour]}" x="{x:.1f}" y="{upper:.1f}" '
        f'width="{width:.1f}" height="{y + PANEL - upper:.1f}" fill="currentColor"/>'
    )
    # Its outline keeps it readable on a line of the grid.
    yield (
        f'<g class="outline" stroke="white" stroke-width="3" paint-order="stroke">'
        f'{_text(x + width / 2, upper - 4, _figure(value), colour, "middle")}</g>'
    )


def _panel(y: float, title: str, highest: float) -> Generator[str, None, float]:
    """Draw a title and a grid for values up to `highest`; return the value at the upper edge."""
    ticks = ticks_to(highest or 1.0)
    top = max(ticks[-1], (highest or 1.0) * 1.02)
    yield _text(LEFT, y - 24, title, 'ink')
    for tick in ticks:
        line = _y(y, tick / top)
        yield f'<path class="grid" d="M{LEFT} {line:.1f} h{INNER}" stroke="{GRID}"/>'
        yield _text(LEFT - 8, line + 4, f'{tick:,.10g}', 'dim', 'end')
    return top


def _legend(y: float, place: int, name: str, colour: str, dashes: str = '') -> Iterator[str]:
    x = LEFT + LEGEND + LEGEND_STEP * place
    yield (
        f'<path class="{colour}" color="{COLOURS[colour]}" d="M{x} {y - 28} h22" fill="none" '
        f'stroke="currentColor" stroke-width="3"{dashes}/>'
    )
    yield _text(x + 28, y - 24, name, colour)


def ticks_to(highest: float) -> list[float]:
    """Return round numbers from 0 to about a value: steps of 1, 2 or 5 and zeros.

    >>> ticks_to(16.9)
    [0, 5, 10, 15]
    """
    power = 10.0 ** floor(log10(highest / TICKS))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * TICKS >= highest)
    return [round(step * number, 9) for number in range(int(highest / step + 1e-9) + 1)]


def _figure(value: float) -> str:
    """Return milliseconds with three digits or more.

    >>> _figure(0.123), _figure(12.345), _figure(1234.5)
    ('0.12', '12.3', '1,234')
    """
    digits = 0 if value >= 100 else 1 if value >= 10 else 2  # noqa: PLR2004 - powers of ten
    return f'{value:,.{digits}f}'


def _x(share: float) -> float:
    return LEFT + share * INNER


def _y(top: float, share: float) -> float:
    return top + PANEL * (1 - share)


def _text(
    x: float, y: float, text: str, colour: str, anchor: str = 'start', weight: str = 'normal'
) -> str:
    return (
        f'<text class="{colour}" color="{COLOURS[colour]}" x="{x:.1f}" y="{y:.1f}" '
        f'fill="currentColor" text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'
    )
