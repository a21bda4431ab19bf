"""Measure and draw how 200 clients come back to a broker that is killed and started again.

    python -m tools.draw_reconnects

Starts a RabbitMQ, and writes docs/explanation/reconnect.svg. The picture depends on the machine.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.support.crowd import Crowd
from tests.support.rabbitmq import RabbitMQNode

PICTURE: Final = Path(__file__).parent.parent / 'docs' / 'explanation' / 'reconnect.svg'
CLIENTS: Final = 200

SLICE: Final = 0.1  # seconds, the width of a bar
WIDTH: Final = 800
HEIGHT: Final = 300
LEFT: Final = 56
RIGHT: Final = 776
TOP: Final = 76
FLOOR: Final = 244

STYLE: Final = """
    text { font: 12px system-ui, 'Helvetica Neue', Arial, sans-serif; fill: #57606a }
    .title { font-size: 19px; font-weight: 600; fill: #24292f }
    .left { text-anchor: end } .middle { text-anchor: middle }
    .failed { fill: #b6bfc9 } .connected { fill: #d1541f }
    text.connected { fill: #b0410f; font-weight: 600 }
    .axis { stroke: #7d8792; stroke-width: 1 } .back { stroke-dasharray: 4 3 }
    .ground { fill: #fff }
    @media (prefers-color-scheme: dark) {
      text { fill: #a5adb8 } .title { fill: #e3e6ea } .ground { fill: #1e2129 }
      .failed { fill: #5c6775 } rect.connected { fill: #ff7a3d } text.connected { fill: #ff9a68 }
      .axis { stroke: #98a3b0 }
    }
"""


class Outage:
    """The tries of all clients in an outage, by the slice of time after its start.

    :ivar seconds: how long the broker was away
    """

    def __init__(self, crowd: Crowd, start: float, end: float) -> None:
        self.seconds = end - start
        self.failed = Counter(int((when - start) / SLICE) for when in crowd.failures)
        self.connected = Counter(
            int((when - start) / SLICE) for when in crowd.connections if when > start
        )
        self.slices = max(*self.failed, *self.connected) + 1
        self.most = max(self.failed[each] + self.connected[each] for each in range(self.slices))


def main() -> None:
    """Measure, and draw the picture."""
    logging.disable()  # Each client reports the loss of its connection.
    with RabbitMQNode() as node:
        outage = asyncio.run(measure(node))
    PICTURE.write_text('\n'.join(draw(outage)), 'utf-8')


async def measure(node: RabbitMQNode) -> Outage:
    """Kill the broker under all clients, start it again, and wait for all clients."""
    async with Crowd([node.url()], CLIENTS) as crowd:
        start = time.time()
        node.kill()
        await asyncio.to_thread(node.start)
        end = time.time()
        await crowd.await_reconnect()
        return Outage(crowd, start, end)


def draw(outage: Outage) -> Iterator[str]:
    """Return the picture, as SVG."""
    title = f'{CLIENTS} clients, and a broker that is killed and started again'
    note = f'Tries to connect in each tenth of a second; at most {outage.most}'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
    yield f'<title>{title}. {note}</title>'
    yield f'<style>{STYLE}</style>'
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" class="ground"/>'
    yield f'<text x="24" y="34" class="title">{title}</text>'
    yield f'<text x="24" y="56">{note}</text>'
    yield f'<text x="{RIGHT - 80}" y="34" class="left">failed</text>'
    yield f'<text x="{RIGHT}" y="34" class="left connected">connected</text>'
    yield from _bars(outage)
    yield from _axes(outage)
    yield '</svg>\n'


def _bars(outage: Outage) -> Iterator[str]:
    width, unit = (RIGHT - LEFT) / outage.slices, (FLOOR - TOP) / outage.most
    for index in range(outage.slices):
        floor = float(FLOOR)
        for kind, counts in (('failed', outage.failed), ('connected', outage.connected)):
            if height := counts[index] * unit:
                floor -= height
                x = LEFT + index * width
                yield (
                    f'<rect x="{x:.1f}" y="{floor:.1f}" width="{width - 0.6:.1f}" '
                    f'height="{height:.1f}" class="{kind}"/>'
                )


def _axes(outage: Outage) -> Iterator[str]:
    second = (RIGHT - LEFT) / outage.slices / SLICE
    yield f'<path d="M{LEFT} {TOP}V{FLOOR}H{RIGHT}" fill="none" class="axis"/>'
    yield f'<text x="{LEFT - 6}" y="{TOP + 8}" class="left">{outage.most}</text>'
    yield f'<text x="{LEFT - 6}" y="{FLOOR}" class="left">0</text>'
    for number in range(int(outage.slices * SLICE) + 1):
        x = LEFT + number * second
        yield f'<text x="{x:.1f}" y="{FLOOR + 18}" class="middle">{number}</text>'
    back = LEFT + outage.seconds * second
    yield f'<path d="M{back:.1f} {TOP}V{FLOOR}" class="axis back"/>'
    yield f'<text x="{back:.1f}" y="{TOP - 6}" class="left">the broker is back</text>'
    yield f'<text x="{LEFT}" y="{HEIGHT - 16}">seconds after the end of the broker</text>'


if __name__ == '__main__':
    main()
