"""Draw the states of the engine, of an attach, of a connection and of a channel.

    python -m tools.draw_states

Writes the pictures into docs/explanation/states/. The states and their transitions come from the
code, through tools/write_states.py. This module says only where they stand in the pictures: a
transition without a place, or a place without a transition, is an error.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tools.write_states import Machine, machines

FOLDER: Final = Path(__file__).parent.parent / 'docs' / 'explanation' / 'states'

BOX_WIDTH, BOX_HEIGHT = 148, 40
COLUMN, ROW = 228, 112  # from the middle of a box to the next
LEFT, TOP = 118, 62  # the middle of the first box
CORNER: Final = 10.0
ARROW: Final = 9.0

STYLE: Final = """\
  .box { fill: #eef3f9; stroke: #5b7fa8; stroke-width: 1.4 }
  .good { fill: #fff0e8; stroke: #d1541f; stroke-width: 2 }
  .end { fill: #f1f3f3; stroke: #7d8792 }
  .way { fill: none; stroke: #6b7784; stroke-width: 1.5 }
  .tip { fill: #6b7784 }
  .way.bad { stroke: #c0392b } .tip.bad { fill: #c0392b }
  .way.own { stroke-dasharray: 5 4 }
  text { font: 13px system-ui, 'Helvetica Neue', Arial, sans-serif; fill: #45505b;
         text-anchor: middle; paint-order: stroke; stroke: #fff; stroke-width: 4px;
         stroke-linejoin: round }
  .name { font-size: 14px; font-weight: 600; fill: #24292f; stroke: none }
  .bad { fill: #a93226 }
  .ground { fill: #fff }
  .way.bad { fill: none }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #1e2129 }
    .box { fill: #26303d; stroke: #7ea2cc }
    .good { fill: #43291c; stroke: #ff8a50 }
    .end { fill: #2b2f38; stroke: #8f99a5 }
    .way { stroke: #98a3b0 } .tip { fill: #98a3b0 }
    .way.bad { stroke: #ff8073 } .tip.bad { fill: #ff8073 }
    text { fill: #c3cad3; stroke: #1e2129 }
    .name { fill: #eceff3 }
    text.bad { fill: #ff9c92 }
  }
"""


Port = tuple[str, int]  # a side of a box, and the distance from its middle in pixels
RIGHT, LEFT_SIDE, TOP_SIDE, BOTTOM = ('right', 0), ('left', 0), ('top', 0), ('bottom', 0)


@dataclass(frozen=True)
class Way:
    """The lines of the transitions with the same events to the same state.

    :ivar states: the states in which the lines begin
    :ivar start: where they begin
    :ivar end: where they end
    :ivar turn: the column or the row in which they turn, such as ('row', 0.5)
    :ivar label: the column and row of the text; by default, it stands above the middle of the line
    :ivar bad: whether this is a failure
    :ivar text: the text of a transition without an event, because CoolAMQP itself begins it
    """

    states: tuple[str, ...]
    events: tuple[str, ...]
    after: str
    start: Port = RIGHT
    end: Port = LEFT_SIDE
    turn: tuple[str, float] | None = None
    label: tuple[float, float] | None = None
    bad: bool = False
    text: str = ''


@dataclass(frozen=True)
class Plan:
    """The places of the states of a machine, by column and row, and the ways between them.

    :ivar name: the name of the `Machine`
    :ivar good: the state in which the machine works
    :ivar end: the last state, if there is one
    :ivar size: the columns and rows from the middle of the first box to the end of the picture
    :ivar loops: the events that do not change a state, by state
    """

    name: str
    places: Mapping[str, tuple[float, float]]
    ways: tuple[Way, ...]
    good: str
    end: str
    size: tuple[float, float]
    loops: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


ENGINE: Final = Plan(
    'engine',
    {
        'waiting': (0, 0),
        'idle': (0, 1),
        'connecting': (1, 1),
        'shaking hands': (2, 1),
        'restoring': (3, 1),
        'up': (4, 1),
        'stopped': (0, 2),
        'closing': (2, 2),
        'draining': (3, 2),
        'cancelling': (4, 2),
    },
    (
        Way(('idle',), ('start',), 'connecting'),
        Way(('connecting',), ('transport up',), 'shaking hands'),
        Way(('shaking hands',), ('open',), 'restoring'),
        Way(('restoring',), ('restored',), 'up'),
        Way(
            ('connecting', 'shaking hands', 'restoring', 'up'),
            ('failed',),
            'waiting',
            start=('top', 24),
            end=('right', -9),
            turn=('row', -9 / ROW),
            label=(2, -0.18),
            bad=True,
        ),
        Way(
            ('waiting',),
            ('try again',),
            'connecting',
            start=('right', 11),
            end=('top', -24),
            turn=('column', 1 - 24 / COLUMN),
            label=(0.6, 0.23),
        ),
        Way(
            ('idle', 'connecting', 'shaking hands'),
            ('stop',),
            'stopped',
            start=BOTTOM,
            end=TOP_SIDE,
            turn=('row', 1.5),
            label=(0.5, 1.41),
        ),
        Way(
            ('waiting',),
            ('stop',),
            'stopped',
            start=LEFT_SIDE,
            end=LEFT_SIDE,
            turn=('column', -0.4),
            label=(-0.4, 1),
        ),
        Way(
            ('restoring', 'up'),
            ('stop',),
            'cancelling',
            start=BOTTOM,
            end=TOP_SIDE,
            turn=('row', 1.42),
            label=(3.5, 1.33),
        ),
        Way(('cancelling',), ('cancelled',), 'draining', start=LEFT_SIDE, end=RIGHT),
        Way(('draining',), ('drained', 'timed out'), 'closing', start=LEFT_SIDE, end=RIGHT),
        Way(
            ('cancelling',),
            ('timed out',),
            'closing',
            start=('top', -36),
            end=TOP_SIDE,
            turn=('row', 1.64),
            label=(3, 1.55),
        ),
        Way(('closing',), ('closed', 'failed'), 'stopped', start=LEFT_SIDE, end=RIGHT),
        Way(
            ('draining', 'cancelling'),
            ('failed',),
            'stopped',
            start=BOTTOM,
            end=BOTTOM,
            turn=('row', 2.42),
            label=(2, 2.33),
            bad=True,
        ),
    ),
    'up',
    'stopped',
    (4, 2.55),
)
ATTACH: Final = Plan(
    'attach',
    {'offline': (0, 0), 'syncing': (1.5, 0), 'online': (3, 0)},
    (
        Way(('offline',), ('connection up',), 'syncing'),
        Way(('syncing',), ('set up',), 'online'),
        Way(
            ('syncing', 'online'),
            ('channel closed', 'connection lost'),
            'offline',
            start=BOTTOM,
            end=BOTTOM,
            turn=('row', 0.6),
            label=(0.75, 0.51),
            bad=True,
        ),
    ),
    'online',
    '',
    (3, 0.72),
)
CONNECTION: Final = Plan(
    'connection',
    {
        'awaiting start': (0, 0),
        'awaiting tune': (1, 0),
        'awaiting open-ok': (2, 0),
        'open': (3, 0),
        'closing': (4, 0),
        'closed': (4, 1),
    },
    (
        Way(('awaiting start',), ('connection.start',), 'awaiting tune'),
        Way(('awaiting tune',), ('connection.tune',), 'awaiting open-ok'),
        Way(('awaiting open-ok',), ('connection.open-ok',), 'open'),
        Way(('open',), (), 'closing', text='sends close'),
        Way(
            ('awaiting tune', 'awaiting open-ok', 'open'),
            ('connection.close',),
            'closed',
            start=BOTTOM,
            turn=('row', 1),
            label=(3.35, 0.91),
        ),
        Way(
            ('closing',),
            ('connection.close', 'connection.close-ok'),
            'closed',
            start=BOTTOM,
            end=TOP_SIDE,
        ),
    ),
    'open',
    'closed',
    (4, 1.3),
    {
        'awaiting tune': ('connection.secure',),
        'open': ('connection.blocked', 'connection.unblocked'),
        'closing': ('connection.blocked', 'connection.unblocked'),
    },
)
CHANNEL: Final = Plan(
    'channel',
    {'opening': (0, 0), 'open': (1.5, 0), 'closing': (3, 0), 'closed': (3, 1)},
    (
        Way(('opening',), ('channel.open-ok',), 'open'),
        Way(
            ('opening', 'open'),
            (),
            'closing',
            start=TOP_SIDE,
            end=('top', -42),
            turn=('row', -0.35),
            label=(2.25, -0.44),
            text='sends close',
        ),
        Way(
            ('opening', 'open'),
            ('channel.close',),
            'closed',
            start=BOTTOM,
            turn=('row', 1),
            label=(2.25, 0.91),
        ),
        Way(('closing',), ('channel.close-ok',), 'closed', start=BOTTOM, end=TOP_SIDE),
    ),
    'open',
    'closed',
    (3, 1.3),
    {'closing': ('channel.close',)},
)
PLANS: Final = {plan.name: plan for plan in (ENGINE, ATTACH, CONNECTION, CHANNEL)}


def pictures() -> dict[Path, str]:
    """Return all pictures as SVG, by their files."""
    return {
        FOLDER / f'{machine.name}.svg': picture(PLANS[machine.name], machine)
        for machine in machines()
    }


def picture(plan: Plan, machine: Machine) -> str:
    """Return the picture of a machine.

    :raises ValueError: the plan and the code have different transitions
    """
    known = {(*key, after) for key, after in machine.transitions.items()}
    if different := planned(plan) ^ known:
        raise ValueError(f'correct the plan of the {plan.name}: {sorted(different)}')
    columns, rows = plan.size
    width, height = 2 * LEFT + columns * COLUMN, TOP + rows * ROW
    return '\n'.join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}">',
            f'<title>{machine.title}: states and events</title>',
            f'<style>\n{STYLE}</style>',
            f'<rect width="{width:g}" height="{height:g}" class="ground"/>',
            *itertools.chain.from_iterable(draw_way(plan, way) for way in plan.ways),
            *itertools.chain.from_iterable(draw_loop(plan, *loop) for loop in plan.loops.items()),
            *itertools.chain.from_iterable(draw_state(plan, state) for state in plan.places),
            *itertools.chain.from_iterable(draw_label(plan, way) for way in plan.ways),
            '</svg>\n',
        ]
    )


def planned(plan: Plan) -> set[tuple[str, str, str]]:
    """Return the transitions of a plan: state, event, next state."""
    loops = {(state, event, state) for state, events in plan.loops.items() for event in events}
    return loops | {
        (state, event, way.after)
        for way in plan.ways
        for state, event in itertools.product(way.states, way.events)
    }


def pixels(column: float, row: float) -> tuple[float, float]:
    """Return the middle of a place in the picture."""
    return LEFT + column * COLUMN, TOP + row * ROW


def port(plan: Plan, state: str, where: Port) -> tuple[float, float]:
    """Return the point at a side of a state."""
    x, y = pixels(*plan.places[state])
    side, shift = where
    match side:
        case 'left' | 'right':
            return x + (BOX_WIDTH if side == 'right' else -BOX_WIDTH) / 2, y + shift
        case _:
            return x + shift, y + (BOX_HEIGHT if side == 'bottom' else -BOX_HEIGHT) / 2


def corners(plan: Plan, way: Way, state: str) -> list[tuple[float, float]]:
    """Return the points of the line from a state, with its start and its end."""
    start, end = port(plan, state, way.start), port(plan, way.after, way.end)
    if way.turn is None:
        return [start, end]
    axis, value = way.turn
    x, y = pixels(value, value)
    turns = [(start[0], y), (end[0], y)] if axis == 'row' else [(x, start[1]), (x, end[1])]
    points = [start, *turns, end]
    return [
        point for point, before in zip(points, [None, *points], strict=False) if point != before
    ]


def draw_way(plan: Plan, way: Way) -> Iterator[str]:
    """Draw the lines of a way, and the tip of its arrow."""
    kinds = f'{" bad" if way.bad else ""}{"" if way.events else " own"}'
    points = []
    for state in way.states:
        points = corners(plan, way, state)
        yield f'<path d="{rounded(points)}" class="way{kinds}"/>'
    (x0, y0), (x, y) = points[-2:]
    dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
    back_x, back_y, side = x - dx * ARROW, y - dy * ARROW, ARROW / 2
    yield (
        f'<path d="M {x:g} {y:g} L {back_x - dy * side:g} {back_y - dx * side:g} '
        f'L {back_x + dy * side:g} {back_y + dx * side:g} z" class="tip{kinds}"/>'
    )


def rounded(points: list[tuple[float, float]]) -> str:
    """Return a line of horizontal and vertical pieces, with round corners, as a path of SVG."""
    x, y = points[0]
    pieces = [f'M {x:g} {y:g}']
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        for near, order in ((before, 'L'), (after, 'Q')):
            away = abs(near[0] - corner[0]) + abs(near[1] - corner[1])
            share = min(CORNER, away / 2) / away
            x = corner[0] + (near[0] - corner[0]) * share
            y = corner[1] + (near[1] - corner[1]) * share
            control = f'{corner[0]:g} {corner[1]:g} ' if order == 'Q' else ''
            pieces.append(f'{order} {control}{x:g} {y:g}')
    x, y = points[-1]
    return ' '.join([*pieces, f'L {x:g} {y:g}'])


def draw_loop(plan: Plan, state: str, events: tuple[str, ...]) -> Iterator[str]:
    """Draw the events that do not change a state, above it."""
    x, y = port(plan, state, TOP_SIDE)
    yield (
        f'<path d="M {x - 16:g} {y:g} C {x - 22:g} {y - 26:g} {x + 22:g} {y - 26:g} '
        f'{x + 16:g} {y:g}" class="way"/>'
        f'<path d="M {x + 16:g} {y:g} l -2 -10 l 8.5 3 z" class="tip"/>'
    )
    yield text(x, y - 27, short(events), '')


def draw_state(plan: Plan, state: str) -> Iterator[str]:
    """Draw a state."""
    x, y = pixels(*plan.places[state])
    kind = ' good' if state == plan.good else ' end' if state == plan.end else ''
    yield (
        f'<rect x="{x - BOX_WIDTH / 2:g}" y="{y - BOX_HEIGHT / 2:g}" width="{BOX_WIDTH}" '
        f'height="{BOX_HEIGHT}" rx="8" class="box{kind}"/>'
    )
    yield text(x, y + 5, state, 'name')


def draw_label(plan: Plan, way: Way) -> Iterator[str]:
    """Draw the text of a way; the second event of a horizontal line stands below the line."""
    (x0, y0), *_, (x1, y1) = corners(plan, way, way.states[0])
    kind = 'bad' if way.bad else ''
    if way.label is None and y0 == y1:
        for event, shift in zip(way.events or (way.text,), (-8, 18), strict=False):
            yield text((x0 + x1) / 2, y0 + shift, short((event,)), kind)
    else:
        x, y = pixels(*way.label) if way.label else ((x0 + x1) / 2, (y0 + y1) / 2)
        yield text(x, y + 4, way.text or short(way.events), kind)


def short(events: tuple[str, ...]) -> str:
    """Return the names of events without the class of AMQP."""
    return ', '.join(event.rpartition('.')[2] for event in events)


def text(x: float, y: float, words: str, kind: str) -> str:
    """Return a text as SVG."""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}">{words}</text>'


if __name__ == '__main__':
    FOLDER.mkdir(exist_ok=True)
    for path, drawn in pictures().items():
        path.write_text(drawn, 'utf-8')
