"""The plot of a benchmark."""

from __future__ import annotations

from itertools import combinations
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from coolamqp.cli.plot import HEIGHT, WIDTH, drawing, ticks_to

TIMES = {'p50': 1.0, 'p99': 2.0, 'max': 4.0}
NO_TIMES = dict.fromkeys(TIMES, 0.0)
RECORD: dict[str, Any] = {
    'plan': {
        'publishers': 2,
        'consumers': 1,
        'size': 100,
        'rate': None,
        'confirm': True,
        'queue_type': '<classic>',
    },
    'confirm_ms': TIMES,
    'latency_ms': TIMES,
    'samples': [
        {'seconds': 0.0, 'published': 0, 'consumed': 0},
        {'seconds': 0.5, 'published': 100, 'consumed': 50},
        {'seconds': 1.0, 'published': 150, 'consumed': 150},
    ],
}
SVG = '{http://www.w3.org/2000/svg}'


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - our own


def test_it_has_a_line_for_each_rate_and_a_bar_for_each_percentile() -> None:
    picture = parsed(drawing(RECORD, '.svg'))

    published, consumed = [line.get('points') for line in picture.iter(f'{SVG}polyline')]
    assert published is not None
    assert consumed is not None
    assert len(published.split()) == len(consumed.split()) == 2
    assert len(list(picture.iter(f'{SVG}rect'))) == 1 + 2 * len(TIMES)
    assert {'p50', 'p99', 'max', 'published', 'latency'} <= {
        text.text for text in picture.iter(f'{SVG}text')
    }


def box(text: ET.Element) -> tuple[float, float, float, float]:
    """About the place of a text: left, right, top, bottom."""
    width = len(text.text or '') * 6.5
    x, y = float(text.attrib['x']), float(text.attrib['y'])
    left = x - width * {'start': 0, 'middle': 0.5, 'end': 1}[text.attrib['text-anchor']]
    return left, left + width, y - 9, y + 3


@pytest.mark.parametrize('factor', [0.001, 1, 9.99, 12_345])
def test_each_text_is_inside_the_picture_and_none_covers_another(factor: float) -> None:
    times = {name: value * factor for name, value in TIMES.items()}
    samples = [
        {name: value if name == 'seconds' else value * factor for name, value in sample.items()}
        for sample in RECORD['samples']
    ]
    record = RECORD | {'confirm_ms': times, 'latency_ms': times, 'samples': samples}
    boxes = [box(text) for text in parsed(drawing(record, '.svg')).iter(f'{SVG}text')]

    for left, right, top, bottom in boxes:
        assert 0 <= left < right <= WIDTH
        assert 0 <= top < bottom <= HEIGHT
    for one, other in combinations(boxes, 2):
        apart = one[1] < other[0] or other[1] < one[0] or one[3] < other[2] or other[3] < one[2]
        assert apart, (one, other)


def test_without_consumers_there_are_no_latencies() -> None:
    picture = parsed(drawing(RECORD | {'latency_ms': NO_TIMES}, '.svg'))

    assert len(list(picture.iter(f'{SVG}rect'))) == 1 + len(TIMES)
    assert 'latency' not in {text.text for text in picture.iter(f'{SVG}text')}


@pytest.mark.parametrize(
    ('highest', 'ticks'),
    [
        (16_936, [0, 5000, 10_000, 15_000]),
        (1000, [0, 200, 400, 600, 800, 1000]),
        (0.31, [0, 0.1, 0.2, 0.3]),
        (1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
    ],
)
def test_ticks_are_round_numbers(highest: float, ticks: list[float]) -> None:
    assert ticks_to(highest) == ticks


@pytest.mark.parametrize('samples', [RECORD['samples'][:1], RECORD['samples'][:1] * 2])
def test_a_run_without_messages_can_be_drawn(samples: list[dict[str, Any]]) -> None:
    empty = RECORD | {'samples': samples, 'confirm_ms': NO_TIMES, 'latency_ms': NO_TIMES}

    assert drawing(empty, '.svg').endswith('</svg>\n')


def test_html_has_the_picture_and_the_plan() -> None:
    page = drawing(RECORD, '.html')

    assert page.startswith('<!doctype html>')
    assert '<svg ' in page
    assert '<td>&lt;classic&gt;</td>' in page
    assert '<td>confirm</td><td>yes</td>' in page
