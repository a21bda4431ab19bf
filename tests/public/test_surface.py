"""What programs may use is what surface.txt says, and each piece of it is described."""

from __future__ import annotations

import inspect

import pytest

import coolamqp
from tools import list_surface

if coolamqp.compiled:
    pytest.skip('signatures are read from the pure Python', allow_module_level=True)

SURFACE = list_surface.surface()
CLASSES = {symbol.path: symbol for symbol in SURFACE if symbol.text.startswith('class ')}


def test_the_surface_is_what_the_list_says() -> None:
    listed = list_surface.FILE.read_text('utf-8')

    assert listed == list_surface.page(), 'run make surface, and look at the difference'


def test_every_class_function_and_property_has_a_docstring() -> None:
    described = [symbol for symbol in SURFACE if symbol.has_docstring]

    assert [symbol.path for symbol in described if not inspect.getdoc(symbol.find())] == []


def test_every_attribute_is_told_of_by_its_class() -> None:
    attributes = [symbol.path for symbol in SURFACE if symbol.is_attribute]

    assert [path for path in attributes if not is_told_of(path)] == [], 'add an :ivar NAME:'


def is_told_of(path: str) -> bool:
    """Whether the docstring of a class, or of one that it is made from, tells of an attribute."""
    owner, _, name = path.rpartition('.')
    docs = ' '.join(base.__doc__ or '' for base in CLASSES[owner].find().__mro__)
    return f':ivar {name}:' in docs or f':param {name}:' in docs
