"""The consoles of the documentation show what the command really prints.

A block ```console has commands, each behind a `$`, and below it what it prints. The commands of a
page that uses `coolamqp` run one after the other in a shell, with an embedded broker of their own.
Numbers with a unit or a decimal point are different each time, and so are addresses.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coolamqp.broker import Broker
from coolamqp.cli.commands import FILES
from tests.docs.pages import ROOT, Page, all_pages

CONSOLE = 'console'
PATIENCE = 60.0  # seconds a command


def commands_of(page: Page) -> Iterator[tuple[str, str]]:
    """Yield each command of a page, and what it prints according to the page."""
    for block in page.blocks:
        if block.info == CONSOLE:
            for text in re.split(r'^\$ ', block.text, flags=re.MULTILINE)[1:]:
                command, _, output = re.sub(r'\\\n\s*', '', text).partition('\n')
                yield command, output


PAGES = [
    page
    for page in all_pages()
    if any(command.startswith('coolamqp ') for command, _ in commands_of(page))
]


def without_figures(text: str) -> str:
    """Replace what is different each time."""
    text = re.sub(r'127\.0\.0\.1:\d+', 'localhost:5672', text)
    text = re.sub(r'\d[\d.,]*( ?(?:ms|µs|s|messages/s|MB/s)\b)', r'N\1', text)
    text = re.sub(r'"time": [\d.]+', '"time": N', text)
    return re.sub(r' +[-+]?\d[\d,]*\.\d+\b', ' N', text)  # at the right of a column


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """The environment of a shell that has the command."""
    program = tmp_path / 'bin' / 'coolamqp'
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -W error -m coolamqp "$@"\n')
    program.chmod(0o755)
    path = f'{program.parent}:{os.environ["PATH"]}'
    source = os.environ.get('PYTHONPATH', str(ROOT / 'src'))
    return {**os.environ, 'PATH': path, 'PYTHONPATH': source, 'XDG_CONFIG_HOME': str(tmp_path)}


@pytest.mark.parametrize('page', PAGES, ids=str)
def test_commands_print_what_the_page_says(
    page: Page, shell: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / 'folder'
    folder.mkdir()
    with Broker() as broker:
        for command, output in commands_of(page):
            ended = subprocess.run(
                ['/bin/bash', '-c', command],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                encoding='utf-8',
                timeout=PATIENCE,
                check=False,
                cwd=folder,
                env={**shell, 'AMQP_URL': broker.url},
            )

            assert without_figures(ended.stdout) == without_figures(output), command


def test_each_command_has_an_example() -> None:
    lines = [command for page in PAGES for command, _ in commands_of(page)]
    shown = {name for line in lines for name in re.findall(r'coolamqp ([a-z]+)', line)}

    assert shown == set(FILES)
