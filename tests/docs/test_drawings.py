"""The pictures and the tables of the documentation agree with the code they are made from."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tools import draw_architecture, draw_states, write_states

EXPLANATION = Path(__file__).parents[2] / 'docs' / 'explanation'


def test_the_states_are_those_of_the_code() -> None:
    assert write_states.PAGE.read_text('utf-8') == write_states.page(), 'run make docs'


def test_the_pictures_of_the_states_are_those_of_the_code() -> None:
    for path, picture in draw_states.pictures().items():
        assert path.read_text('utf-8') == picture, 'run make docs'
        assert ET.fromstring(picture).tag.endswith('svg')  # noqa: S314 - our own


def test_a_transition_without_a_place_in_the_picture_is_an_error() -> None:
    machine = write_states.machines()[0]
    more = replace(machine, transitions={**machine.transitions, ('up', 'sleeps'): 'waiting'})

    with pytest.raises(ValueError, match='sleeps'):
        draw_states.picture(draw_states.PLANS[machine.name], more)


def test_the_picture_of_the_floors_is_that_of_the_imports() -> None:
    picture = draw_architecture.PICTURE.read_text('utf-8')

    assert picture == draw_architecture.picture(), 'run make docs'
    assert ET.fromstring(picture).tag.endswith('svg')  # noqa: S314 - our own


def test_the_architecture_is_told_in_the_order_of_the_picture() -> None:
    page = (EXPLANATION / 'architecture.md').read_text('utf-8')
    told = re.findall(r'^\d+\. +\*\*`(.+?)`\*\*', page, re.MULTILINE)

    assert tuple(told) == draw_architecture.WAY_OUT + draw_architecture.WAY_IN
