"""The code of the documentation runs, and prints what the page says that it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import EXAMPLES, OUTPUT, ROOT, URL, Page, all_pages

PATIENCE = 60.0  # seconds a page
# Stands below the code of each page: the reader's program must not be left with a thread of ours.
EPILOGUE = """
import threading
left = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
assert not left, f'threads are left behind: {left}'
"""

PAGES = all_pages()


@pytest.mark.integration
@pytest.mark.parametrize(
    'page', [page for page in PAGES if page.code and not page.clients], ids=str
)
def test_the_code_of_a_page_prints_what_the_page_says(
    page: Page, broker_url: str, tmp_path: Path
) -> None:
    program = tmp_path / 'page.py'
    program.write_text(page.program(broker_url) + EPILOGUE, 'utf-8')

    ended = subprocess.run(
        [sys.executable, '-W', 'error', program],
        capture_output=True,
        encoding='utf-8',
        timeout=PATIENCE,
        check=False,
        cwd=tmp_path,
    )

    assert ended.returncode == 0, f'the lines are those of {page}\n{ended.stderr}'
    assert 'Warning' not in ended.stderr
    if page.output:
        assert ended.stdout.splitlines() == page.output.splitlines()


def test_the_code_of_the_pages_passes_a_strict_type_checker(tmp_path: Path) -> None:
    """The lines of an error are those of the page with the name of the file."""
    for page in PAGES:
        name = re.sub(r'\W', '_', str(page).removesuffix('.md'))
        (tmp_path / f'{name}.py').write_text(page.program(URL), 'utf-8')

    command = [sys.executable, '-m', 'mypy', '--strict', '--python-version', '3.11', str(tmp_path)]
    ended = subprocess.run(
        command,
        capture_output=True,
        encoding='utf-8',
        timeout=PATIENCE,
        check=False,
        cwd=ROOT,
        env={**os.environ, 'MYPYPATH': str(ROOT / 'src')},
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize('page', [page for page in PAGES if page.files], ids=str)
def test_whole_files_are_those_of_the_examples(page: Page) -> None:
    for block in page.files:
        assert block.text == (EXAMPLES / str(block.title)).read_text('utf-8')


@pytest.mark.parametrize('page', PAGES, ids=str)
def test_no_block_escapes_by_the_way_it_begins(page: Page) -> None:
    opened = re.findall(r'^ *(?:```|~~~).*$', page.text, re.MULTILINE)

    assert len(opened) == 2 * len(page.blocks), 'a block is indented, or never ends'
    for block in page.blocks:
        if 'py' in block.info:
            clients = [block for client in page.clients for block in page.code_of(client)]
            assert block in [*page.code, *page.files, *clients]
        assert ('Output' in block.info) is (block.info == OUTPUT)


def test_the_files_that_the_readme_links_to_are_there() -> None:
    links = re.findall(r'\]\(([^)#:]+)\)', (ROOT / 'README.md').read_text('utf-8'))

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
