"""The code of README.md does what the text around it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / 'README.md'
URL = 'amqp://guest:guest@localhost/'

pytestmark = pytest.mark.integration


@pytest.mark.usefixtures('no_leaks')
def test_the_start_of_three_minutes(broker_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r'^```python\n(.*?)^```', README.read_text(), re.MULTILINE | re.DOTALL)
    assert any(URL in block for block in blocks)
    names: dict[str, object] = {}

    for block in blocks:
        exec(compile(block.replace(URL, broker_url), str(README), 'exec'), names)  # noqa: S102

    assert capsys.readouterr().out == 'hello\nand hello again\n'


def test_the_files_it_links_to_are_there() -> None:
    links = re.findall(r'\]\(([^)#:]+)\)', README.read_text())

    assert links
    assert [link for link in links if not (README.parent / link).exists()] == []
