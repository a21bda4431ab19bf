"""Draw bars from a report, one picture for each item: python -m bench.plots REPORT FOLDER."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from bench.client_list import RAW_SOCKET
from bench.figures import short

WIDTH: Final = 800
LEFT: Final = 230  # the start of the bars; their names are left of it
RIGHT: Final = 680  # the end of the longest bar; its value is right of it
TOP: Final = 76
BAR: Final = 20
STEP: Final = 30
FOOT: Final = 44

STYLE: Final = """
    text { font: 14px system-ui, 'Helvetica Neue', Arial, sans-serif; fill: #24292f }
    .title { font-size: 19px; font-weight: 600 }
    .note { font-size: 12px; fill: #57606a }
    .name { text-anchor: end }
    rect.bar { fill: #b6bfc9 } .ours { fill: #d1541f } rect.raw { fill: #7d8792 }
    text.ours { fill: #b0410f; font-weight: 600 }
    .spread { stroke: #24292f; stroke-width: 1.2 }
    .ground { fill: #fff }
    @media (prefers-color-scheme: dark) {
      text { fill: #e3e6ea } .note { fill: #a5adb8 } .ground { fill: #1e2129 }
      rect.bar { fill: #5c6775 } rect.raw { fill: #98a3b0 } .spread { stroke: #e3e6ea }
      rect.ours { fill: #ff7a3d } text.ours { fill: #ff9a68 }
    }
"""


def main() -> None:
    """Draw all items of a report."""
    source, folder = map(Path, sys.argv[1:])
    report = json.loads(source.read_text('utf-8'))
    folder.mkdir(parents=True, exist_ok=True)
    for title, rows in _by_item(report['rows']).items():
        name = re.sub(r'[^a-z0-9]+', '-', title.lower()).strip('-')
        (folder / f'{name}.svg').write_text(draw(title, rows, report['surroundings']), 'utf-8')


def _by_item(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows with figures by the title of their item, the best first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row['cost']:
            found.setdefault(row['item']['title'], []).append(row)
    return {title: sorted(of, key=lambda row: row['cost']['median']) for title, of in found.items()}


def draw(title: str, rows: list[dict[str, Any]], surroundings: dict[str, Any]) -> str:
    """Return the picture of one item, as SVG."""
    height = TOP + STEP * len(rows) + FOOT
    longest = max(row['cost']['most'] for row in rows)
    scale = (RIGHT - LEFT) / longest
    what = f'{title[:1].upper()}{title[1:]}'
    note = f'{rows[0]["cost"]["name"]}: shorter is better'
    runs = f'Median of {len(rows[0]["runs"])} runs; the lines are from least to most.'
    around = '{cpu}, {cores} cores, Python {python}, RabbitMQ {rabbitmq}'.format(**surroundings)
    foot = f'{runs} {around}'
    return '\n'.join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
            f'<title>{escape(what)}. {escape(note)}</title>',
            f'<style>{STYLE}</style>',
            f'<rect width="{WIDTH}" height="{height}" class="ground"/>',
            f'<text x="24" y="34" class="title">{escape(what)}</text>',
            f'<text x="24" y="56" class="note">{escape(note)}</text>',
            *_bars(rows, scale),
            f'<text x="24" y="{height - 16}" class="note">{escape(foot)}</text>',
            '</svg>\n',
        ]
    )


def _bars(rows: list[dict[str, Any]], scale: float) -> Iterator[str]:
    for index, row in enumerate(rows):
        cost, y = row['cost'], TOP + STEP * index
        kind = 'ours' if row['ours'] else 'raw' if row['client'] == RAW_SOCKET else 'bar'
        end, least, most = (LEFT + cost[name] * scale for name in ('median', 'least', 'most'))
        middle, base = y + BAR / 2, y + 15
        yield f'<text x="{LEFT - 10}" y="{base}" class="name {kind}">{escape(row["label"])}</text>'
        yield f'<rect x="{LEFT}" y="{y}" width="{end - LEFT:.1f}" height="{BAR}" class="{kind}"/>'
        yield f'<path d="M{least:.1f} {middle}H{most:.1f}" class="spread"/>'
        text = short(cost['median'])
        yield f'<text x="{max(end, most) + 8:.1f}" y="{base}" class="{kind}">{text}</text>'


if __name__ == '__main__':
    main()
