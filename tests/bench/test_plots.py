"""Plots: they show the cost of each client."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import plots
from bench.client_list import BY_NAME
from bench.figures import Results
from bench.measurement import Measurement
from bench.report import report
from bench.task import Item

SVG = '{http://www.w3.org/2000/svg}'


@pytest.fixture
def picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ET.Element:
    """The plot of two clients, 2 and 8 µs a message."""
    results, item = Results(), Item(work='consume')
    for name, cpu in (('librabbitmq', 8), ('threads', 2)):
        results.row(BY_NAME[name], item).runs.append(Measurement(1000, 1.0, user=cpu / 1000))
    results.row(BY_NAME['rabbitpy'], item).unable = 'too slow'
    source = tmp_path / 'report.json'
    source.write_text(json.dumps(report(results, {}, '3.10.8')))
    monkeypatch.setattr(sys, 'argv', ['plots', str(source), str(tmp_path / 'plots')])
    plots.main()
    return ET.parse(tmp_path / 'plots' / 'consume-no-ack.svg').getroot()  # noqa: S314 - it is ours


def texts(picture: ET.Element) -> list[str]:
    return [text.text or '' for text in picture.iter(f'{SVG}text')]


def test_it_says_what_it_shows_and_which_way_is_better(picture: ET.Element) -> None:
    shown = ' '.join(texts(picture))
    assert 'Consume, no_ack' in shown
    assert 'shorter is better' in shown
    assert 'RabbitMQ 3.10.8' in shown


def test_the_best_comes_first_and_ours_stands_out(picture: ET.Element) -> None:
    names = [text for text in picture.iter(f'{SVG}text') if 'name' in text.get('class', '')]
    assert [name.text for name in names] == ['CoolAMQP, threads', 'librabbitmq (C)']
    assert ['ours' in name.get('class', '') for name in names] == [True, False]


def test_bars_are_as_long_as_their_values(picture: ET.Element) -> None:
    bars = [bar for bar in picture.iter(f'{SVG}rect') if bar.get('class') != 'ground']
    ours, theirs = (float(bar.get('width', 0)) for bar in bars)
    assert theirs == pytest.approx(4 * ours, rel=0.01)
    assert {'2.00', '8.00'} <= set(texts(picture))
