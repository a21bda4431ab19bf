"""README.md becomes the page of PyPI, which has no other file of this folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.docs.pages import ROOT

PATIENCE = 60.0  # seconds
BUILD = 'import setuptools.build_meta as b; print(b.prepare_metadata_for_build_wheel("."))'


@pytest.fixture(scope='module')
def metadata(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The metadata of a wheel."""
    folder = tmp_path_factory.mktemp('sources')
    for name in ('setup.py', 'pyproject.toml', 'README.md', 'LICENSE'):
        shutil.copy(ROOT / name, folder)
    package = folder / 'src' / 'coolamqp'
    package.mkdir(parents=True)
    shutil.copy(ROOT / 'src' / 'coolamqp' / '__init__.py', package)
    made = subprocess.run(
        [sys.executable, '-c', BUILD],
        cwd=folder,
        env={**os.environ, 'COOLAMQP_PURE': '1'},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    information = made.stdout.splitlines()[-1]
    return (folder / information / 'METADATA').read_text('utf-8')


def test_the_page_has_no_link_into_this_folder(metadata: str) -> None:
    fields, _, page = metadata.partition('\n\n')

    assert 'Description-Content-Type: text/markdown' in fields
    assert page.startswith('# CoolAMQP\n')
    assert re.findall(r'\]\((?!https?:)[^)]*\)', page) == []


def test_the_page_is_that_of_the_readme(metadata: str) -> None:
    readme = (ROOT / 'README.md').read_text('utf-8')
    _, _, page = metadata.partition('\n\n')

    headings = re.findall(r'^#+ .*', readme, re.MULTILINE)
    assert re.findall(r'^#+ .*', page, re.MULTILINE) == headings
    assert re.findall(r'```.*?```', page, re.DOTALL) == re.findall(r'```.*?```', readme, re.DOTALL)
    assert 'See install CoolAMQP and supported\nversions.' in page
