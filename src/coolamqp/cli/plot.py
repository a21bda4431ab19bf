"""The plot of a benchmark: rates over time, and percentiles of latencies. SVG, alone or in HTML."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import pairwise
from typing import Any, Final

PLOTS: Final = ('.svg', '.html')
WIDTH, HEIGHT = 760, 560
LEFT, RIGHT, TOP = 90, 20, 40
PANEL: Final = 190  # the height of each of the two panels
GAP: Final = 90
COLOURS: Final = {'published': '#2c6fbb', 'consumed': '#2e8b57'}
SERIES: Final = (('confirm_ms', 'confirms', '#2c6fbb'), ('latency_ms', 'latency', '#2e8b57'))
HEADROOM: Final = 1.1  # above the highest value


def drawing(record: dict[str, Any], kind: str) -> str:
    """Return the plot of a run, as `.svg` or `.html`."""
    svg = ''.join(_svg(record))
    if kind == '.svg':
        return svg
    plan = ''.join(f'<tr><td>{escape(str(name))}</td><td>{escape(str(value))}</td></tr>'
                   for name, value in record['plan'].items())  # fmt: skip
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>coolamqp bench</title>'
        f'<body style="font-family:sans-serif">{svg}<table>{plan}</table></body></html>\n'
    )


def _svg(record: dict[str, Any]) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" font-family="sans-serif" font-size="12">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    )
    yield from _rates(record['samples'])
    yield from _percentiles(record)
    yield '</svg>\n'


def _rates(samples: list[dict[str, Any]]) -> Iterator[str]:
    """Draw a line for each rate, over the time of the run."""
    lines = {name: _rates_of(samples, name) for name in COLOURS}
    highest = max((rate for points in lines.values() for _, rate in points), default=0.0)
    top = highest * HEADROOM or 1.0
    end = samples[-1]['seconds'] or 1.0
    yield from _panel(TOP, 'messages per second', top)
    for index, (name, points) in enumerate(lines.items()):
        path = ' '.join(f'{_x(at / end):.1f},{_y(TOP, rate / top):.1f}' for at, rate in points)
        yield f'<polyline points="{path}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>'
        yield _text(LEFT + 150 + 110 * index, TOP - 14, name, COLOURS[name])
    yield _text(WIDTH - RIGHT, TOP + PANEL + 18, f'{end:.1f} s', '#555', 'end')


def _rates_of(samples: list[dict[str, Any]], name: str) -> list[tuple[float, float]]:
    return [
        (after['seconds'], (after[name] - before[name]) / (after['seconds'] - before['seconds']))
        for before, after in pairwise(samples)
        if after['seconds'] > before['seconds']
    ]


def _percentiles(record: dict[str, Any]) -> Iterator[str]:
    """Draw a bar for each percentile."""
    top_y = TOP + PANEL + GAP
    highest = max(value for series, _, _ in SERIES for value in record[series].values())
    top = highest * HEADROOM or 1.0
    yield from _panel(top_y, 'milliseconds', top)
    for index, (series, name, colour) in enumerate(SERIES):
        yield _text(LEFT + 150 + 110 * index, top_y - 14, name, colour)
        slot = 1 / len(record[series])
        for place, (kind, value) in enumerate(record[series].items()):
            x = _x(slot * (place + 0.15 + 0.35 * index))
            y = _y(top_y, value / top)
            yield (
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{0.33 * slot * _inner():.1f}" '
                f'height="{top_y + PANEL - y:.1f}" fill="{colour}"/>'
            )
            yield _text(x, y - 4, f'{value:.1f}', colour)
            yield _text(_x(slot * (place + 0.4)), top_y + PANEL + 18, kind, '#555')


def _panel(y: float, title: str, top: float) -> Iterator[str]:
    yield f'<path d="M{LEFT} {y} v{PANEL} h{_inner()}" fill="none" stroke="#999"/>'
    yield _text(LEFT, y - 14, title, '#000')
    yield _text(LEFT - 8, y + 10, f'{top:,.0f}' if top >= 10 else f'{top:.2f}', '#555', 'end')  # noqa: PLR2004
    yield _text(LEFT - 8, y + PANEL, '0', '#555', 'end')


def _inner() -> int:
    return WIDTH - LEFT - RIGHT


def _x(share: float) -> float:
    return LEFT + share * _inner()


def _y(top: float, share: float) -> float:
    return top + PANEL * (1 - share)


def _text(x: float, y: float, text: str, colour: str, anchor: str = 'start') -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}"'
    return f'<text {place}>{escape(text)}</text>'
