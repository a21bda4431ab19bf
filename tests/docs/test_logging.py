"""The page about the log has each event once, with the level at which it is logged."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import coolamqp
from coolamqp.log_events import LogEvent
from tests.docs.pages import DOCS

ROW = re.compile(
    r'^\| `(\w+)` \| (DEBUG|INFO|WARNING|ERROR)[^|]* \| [^|]+ \| [^|]+ \|$', re.MULTILINE
)
PAGE = (DOCS / 'how-to/logging.md').read_text('utf-8')
PACKAGE = Path(coolamqp.__path__[0])


def test_the_tables_list_each_event_once() -> None:
    listed = [name for name, _ in ROW.findall(PAGE)]
    assert sorted(listed) == sorted(event.value for event in LogEvent)


def test_the_tables_have_the_levels_of_the_code() -> None:
    levels = dict(ROW.findall(PAGE))
    found = {pair for path in PACKAGE.rglob('*.py') for pair in levels_in(path)}

    assert len(found) > len(LogEvent) / 2
    assert {pair for pair in found if levels[pair[0]] != pair[1]} == set()


def levels_in(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the event and the level of each call that has both."""
    for node in ast.walk(ast.parse(path.read_text('utf-8'))):
        if not isinstance(node, ast.Call):
            continue
        text = ast.unparse(node)
        event = re.search(r'LogEvent\.(\w+)', text)
        call = re.match(r'(?:logger\.(\w+)|self\.(?:_\w+\.)*_?(?:effects\.)?log)\(', text)
        if event is None or call is None:
            continue
        by_argument = re.search(r'\b(DEBUG|INFO|WARNING|ERROR)\b', text)
        if call[1] is not None:
            yield event[1].lower(), call[1].upper().replace('EXCEPTION', 'ERROR')
        elif 'effects.log(' in text:
            yield event[1].lower(), 'WARNING' if by_argument is None else by_argument[1]
        elif by_argument is not None:
            yield event[1].lower(), by_argument[1]
