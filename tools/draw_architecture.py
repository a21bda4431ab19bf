"""Draw the floors of the code, their imports, and the ways of a message through the files.

    python -m tools.draw_architecture

Writes docs/explanation/architecture.svg. The files and imports come from the source, through the
functions of tests/test_architecture.py. docs/explanation/architecture.md describes the two ways in
the same order.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.test_architecture import FLOORS, INDEPENDENT, PACKAGE, SOURCE, imports

PICTURE = Path(__file__).parent.parent / 'docs' / 'explanation' / 'architecture.svg'

WAY_OUT = (
    'clustering/publishing',
    'attaches/publication',
    'clustering/admission',
    'supervisor/window',
    'attaches/publisher',
    'uplink/channel',
    'framing/hot',
    'supervisor/link',
    'clustering/driver',
    'net/transport',
)
WAY_IN = (
    'net/transport',
    'clustering/driver',
    'supervisor/engine',
    'uplink/connection',
    'framing/decoder',
    'uplink/channel',
    'framing/content',
    'attaches/subscription',
    'attaches/delivery',
    'attaches/effects',
    'clustering/dispatcher',
    'supervisor/mailboxes',
)
CAPTIONS = {
    '__main__': 'python -m coolamqp',
    'cli': 'the command, for terminals',
    'testing': 'fixtures for pytest',
    'broker': 'the embedded broker',
    'kombu': 'a transport for Celery',
    'aio': 'an event loop',
    'clustering': 'threads and clocks',
    'net': 'a socket, and TLS',
    'api': 'the calls of a Cluster',
    'supervisor': 'the engine',
    'attaches': 'users of channels',
    'uplink': 'one connection to one broker',
    'telemetry': 'spans, for a tracer',
    'objects': 'values for programs',
    'framing': 'bytes to frames, and back',
    'exceptions': 'errors, codes and hooks',
    '': 'names, and the compiled form',
}
# The colours of the floors from the top.
COLOURS = (
    '#8e44ad',
    '#c0392b',
    '#2c6fbb',
    '#1f8a9e',
    '#2e8b57',
    '#8a8a1f',
    '#b8860b',
    '#7f8c8d',
)
OUT_COLOUR, IN_COLOUR = '#d35400', '#1565c0'

WIDTH, MARGIN = 1040, 20
CHIPS_LEFT, CHIPS_RIGHT = 230, 860
CHIP_HEIGHT, GAP, PADDING = 28, 8, 16
LETTER = 7.3  # width of a letter in a chip
BADGE = 20
BAND_GAP = 14
BOW, BOW_STEP = 30, 14  # how far an arrow swings out, and further for each floor between
TOP = 66

STYLE = """\
  .card { fill: #fff } .band { fill: currentColor; fill-opacity: 0.1 } .chip { fill: #fff }
  .ink { fill: #222 } .soft { fill: #5a5a5a } .floor { fill: currentColor }
  @media (prefers-color-scheme: dark) {
    .card { fill: #1e2129 } .band { fill-opacity: 0.16 } .chip { fill: #1e2129 }
    .ink, .floor { fill: #eceff3 } .soft { fill: #a9b1bc }
  }
"""


@dataclass
class Chip:
    """The box of one file, with its numbers on the two ways."""

    name: str
    x: float
    y: float
    width: float
    out_step: int | None
    in_step: int | None


@dataclass
class Band:
    """One floor."""

    modules: tuple[str, ...]
    colour: str
    y: float
    height: float = 0
    chips: list[Chip] = field(default_factory=list)


def picture() -> str:
    """Return the whole picture as SVG."""
    bands = lay_out()
    height = bands[-1].y + bands[-1].height + 62
    fonts = 'system-ui, -apple-system, Segoe UI, Roboto, sans-serif'
    box = f'0 0 {WIDTH} {height:.0f}'
    pieces = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" font-family="{fonts}">',
        '<title>The floors of CoolAMQP and the ways of a message through them</title>',
        f'<style>\n{STYLE}</style>',
        f'<rect width="{WIDTH}" height="{height:.0f}" rx="12" class="card"/>',
        text(MARGIN, 40, 'CoolAMQP, floor by floor', 20, 'ink', 'font-weight="600"'),
        text(CHIPS_RIGHT + 24, 40, 'imports', 12, 'soft'),
        *itertools.chain.from_iterable(draw_band(band) for band in bands),
        *draw_arrows(bands),
        *draw_legend(height - 26),
        '</svg>',
    ]
    return '\n'.join(pieces) + '\n'


# Layout


def lay_out() -> list[Band]:
    """Return the floors with their files and positions, the highest floor first."""
    bands: list[Band] = []
    y: float = TOP
    for row in rows():
        files = files_of(row)
        if not files:
            continue
        band = Band(row, COLOURS[len(bands) % len(COLOURS)], y)
        place_chips(band, files)
        bands.append(band)
        y += band.height + BAND_GAP
    known = {chip.name for band in bands for chip in band.chips}
    missing = {*WAY_OUT, *WAY_IN} - known
    if missing:
        raise ValueError(f'these files do not exist: {missing}; correct WAY_OUT and WAY_IN')
    return bands


def rows() -> Iterator[tuple[str, ...]]:
    """Yield the floors from the top; modules that must not import each other come separately."""
    for row in reversed(FLOORS):
        if INDEPENDENT.isdisjoint(row):
            yield row
        else:
            yield from ((module,) for module in reversed(row))


def files_of(row: tuple[str, ...]) -> list[str]:
    """Return the names of the files of a floor, such as 'framing/hot'."""
    files = []
    for module in filter(None, row):
        files += [module] if (SOURCE / f'{module}.py').exists() else []
        folder = (SOURCE / module).rglob('*.py')
        files += [str(path.relative_to(SOURCE).with_suffix('')) for path in folder]
    return sorted(name for name in files if not name.endswith('__init__'))


def place_chips(band: Band, files: list[str]) -> None:
    """Place the files of a floor in lines."""
    x, y = float(CHIPS_LEFT), band.y + PADDING
    for name in files:
        out_step = WAY_OUT.index(name) + 1 if name in WAY_OUT else None
        in_step = WAY_IN.index(name) + 1 if name in WAY_IN else None
        badges = (out_step is not None) + (in_step is not None)
        width = len(shown(name)) * LETTER + 18 + badges * BADGE
        if x + width > CHIPS_RIGHT - PADDING:
            x, y = float(CHIPS_LEFT), y + CHIP_HEIGHT + GAP
        band.chips.append(Chip(name, x, y, width, out_step, in_step))
        x += width + GAP
    band.height = max(y + CHIP_HEIGHT + PADDING - band.y, 64)


def shown(name: str) -> str:
    """Return the name of a file without its folder."""
    return name.rpartition('/')[2]


# Drawing


def draw_band(band: Band) -> Iterator[str]:
    """Draw a floor and its files."""
    yield (
        f'<rect x="{MARGIN}" y="{band.y:.0f}" width="{CHIPS_RIGHT - MARGIN}" '
        f'height="{band.height:.0f}" rx="10" class="band" color="{band.colour}" '
        f'stroke="{band.colour}" '
        f'stroke-opacity="0.35"/>'
    )
    present = [module for module in band.modules if (SOURCE / module).is_dir()]
    alone = 'the ground' if '' in band.modules else 'the vocabulary'
    if '__main__' in band.modules:
        alone = 'the command'
    title = ', '.join(present) or alone
    middle = band.y + band.height / 2
    yield text(
        MARGIN + 16, middle - 3, title, 16, 'floor', f'color="{band.colour}" font-weight="600"'
    )
    yield text(MARGIN + 16, middle + 16, CAPTIONS.get(band.modules[0], ''), 12, 'soft')
    for chip in band.chips:
        yield from draw_chip(chip, band.colour)


def draw_chip(chip: Chip, colour: str) -> Iterator[str]:
    """Draw a file with its numbers on the two ways."""
    travelled = chip.out_step is not None or chip.in_step is not None
    yield (
        f'<rect x="{chip.x:.1f}" y="{chip.y:.1f}" width="{chip.width:.1f}" '
        f'height="{CHIP_HEIGHT}" rx="6" class="chip" stroke="{colour}" '
        f'stroke-width="{1.6 if travelled else 0.8}" '
        f'stroke-opacity="{1 if travelled else 0.45}"/>'
    )
    fonts = 'ui-monospace, SFMono-Regular, Menlo, DejaVu Sans Mono, monospace'
    length = len(shown(chip.name)) * LETTER
    # textLength fits the name into its box with any font.
    style = f'font-family="{fonts}" textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs"'
    ink = 'ink' if travelled else 'soft'
    yield text(chip.x + 9, chip.y + 18.5, shown(chip.name), 12, ink, style)
    x = chip.x + 9 + length + 14
    for step, badge_colour in ((chip.out_step, OUT_COLOUR), (chip.in_step, IN_COLOUR)):
        if step is not None:
            yield from draw_badge(x, chip.y + CHIP_HEIGHT / 2, str(step), badge_colour)
            x += BADGE


def draw_badge(x: float, y: float, number: str, colour: str) -> Iterator[str]:
    """Draw a number in a circle."""
    yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="9" fill="{colour}"/>'
    style = 'font-weight="600" text-anchor="middle"'
    yield text(x, y + 3.8, number, 11, '', f'{style} fill="#fff"')


def draw_arrows(bands: list[Band]) -> Iterator[str]:
    """Draw the imports between floors at the right; more importing files make thicker arrows."""
    counts = count_imports(bands)
    for (source, target), count in sorted(counts.items()):
        start, end = bands[source], bands[target]
        span = target - source
        y1 = start.y + start.height * 0.5 + 4 * span
        y2 = end.y + end.height * 0.5 - 5 * span - 4
        x = CHIPS_RIGHT + 2
        bow = x + BOW + span * BOW_STEP
        tip = x + 10
        width = 0.8 + math.sqrt(count) * 0.6
        style = f'fill="none" stroke="{start.colour}" stroke-opacity="0.75"'
        title = f'{name_of(start)} imports from {name_of(end)}, in {count} files'
        yield (
            f'<g><title>{title}</title><path d="M {x} {y1:.0f} C {bow} {y1:.0f}, {bow} {y2:.0f}, '
            f'{tip} {y2:.0f}" {style} stroke-width="{width:.1f}"/>'
            f'<path d="M {x} {y2:.0f} l 11 -5.5 v 11 z" fill="{start.colour}"/></g>'
        )


def name_of(band: Band) -> str:
    """Return the names of the modules of a floor."""
    return ', '.join(dict.fromkeys(chip.name.partition('/')[0] for chip in band.chips))


def count_imports(bands: list[Band]) -> Counter[tuple[int, int]]:
    """Return the number of files that import, by the indexes of the two floors.

    It counts files instead of names, so that the picture changes only with the architecture.
    """
    floor = {module: index for index, band in enumerate(bands) for module in band.modules if module}
    counts: Counter[tuple[int, int]] = Counter()
    for path in sorted(SOURCE.rglob('*.py')):
        importer = path.relative_to(SOURCE).with_suffix('').parts
        source = floor.get(importer[0])
        names = [name.split('.') for _, name in imports(path, (PACKAGE, *importer[:-1]))]
        targets = {floor.get(name[1]) for name in names if name[0] == PACKAGE and len(name) > 1}
        for target in targets - {None, source}:
            if source is not None and target is not None:
                counts[source, target] += 1
    return counts


def draw_legend(y: float) -> Iterator[str]:
    """Draw the explanation of the numbers."""
    yield from draw_badge(MARGIN + 12, y, '1', OUT_COLOUR)
    yield text(MARGIN + 28, y + 4, 'the way of a message out', 13, 'ink')
    yield from draw_badge(MARGIN + 222, y, '1', IN_COLOUR)
    yield text(MARGIN + 238, y + 4, 'the way of a message in', 13, 'ink')
    below = 'Everything below net has no socket, no thread, no clock.'
    yield text(CHIPS_RIGHT, y + 4, below, 13, 'ink', 'text-anchor="end"')


def text(x: float, y: float, words: str, size: int, kind: str, style: str = '') -> str:
    """Return a text as SVG."""
    shown_as = ' '.join(filter(None, [f'class="{kind}"' if kind else '', style]))
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" {shown_as}>{words}</text>'


if __name__ == '__main__':
    PICTURE.write_text(picture(), 'utf-8')
