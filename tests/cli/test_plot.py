"""The plot of a benchmark."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from coolamqp.cli.plot import HEIGHT, WIDTH, drawing

TIMES = {'p50': 1.0, 'p99': 2.0, 'max': 4.0}
NO_TIMES = dict.fromkeys(TIMES, 0.0)
RECORD: dict[str, Any] = {
    'plan': {'size': 100, 'queue_type': '<classic>'},
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


def test_everything_is_inside_the_picture() -> None:
    picture = parsed(drawing(RECORD, '.svg'))

    for element in picture.iter():
        if 'x' in element.attrib:
            assert 0 <= float(element.attrib['x']) <= WIDTH
            assert 0 <= float(element.attrib['y']) <= HEIGHT


@pytest.mark.parametrize('samples', [RECORD['samples'][:1], RECORD['samples'][:1] * 2])
def test_a_run_without_messages_can_be_drawn(samples: list[dict[str, Any]]) -> None:
    empty = RECORD | {'samples': samples, 'confirm_ms': NO_TIMES, 'latency_ms': NO_TIMES}

    assert drawing(empty, '.svg').endswith('</svg>\n')


def test_html_has_the_picture_and_the_plan() -> None:
    page = drawing(RECORD, '.html')

    assert page.startswith('<!doctype html>')
    assert '<svg ' in page
    assert '<td>&lt;classic&gt;</td>' in page
