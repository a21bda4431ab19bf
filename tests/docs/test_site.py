"""The site can be built without a warning, and every public symbol stands in its reference."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import coolamqp
from tests.docs.pages import ROOT, all_pages
from tools import list_surface

PATIENCE = 100.0  # seconds

if coolamqp.compiled:
    pytest.skip('signatures are read from the pure Python', allow_module_level=True)


@pytest.fixture(scope='module')
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built in a folder of its own."""
    folder = tmp_path_factory.mktemp('site')
    built = subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--site-dir', folder],
        cwd=ROOT,
        env={**os.environ, 'NO_MKDOCS_2_WARNING': '1'},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_every_public_class_function_and_property_stands_in_the_reference(site: Path) -> None:
    told = inventory(site / 'objects.inv')
    wanted = {symbol.path for symbol in list_surface.surface() if symbol.has_docstring}

    assert sorted(wanted - told) == []


def test_every_public_constant_stands_in_the_reference() -> None:
    pages = ' '.join(page.text for page in all_pages() if page.path.parent.name == 'reference')
    constants = [symbol.path for symbol in list_surface.surface() if symbol.is_constant]

    assert [path for path in constants if f'{path.rpartition(".")[2]}`' not in pages] == []


def inventory(path: Path) -> set[str]:
    """Give the names that a Sphinx inventory lists, as mkdocstrings writes one."""
    _, _, lines = path.read_bytes().partition(b'zlib.\n')
    return {line.split(' ')[0] for line in zlib.decompress(lines).decode().splitlines()}
