"""The names of log records, and that each record has one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import coolamqp
from coolamqp.log_events import LogEvent, extra, one_line

PACKAGE = Path(coolamqp.__path__[0])
LEVELS = {'debug', 'info', 'warning', 'error', 'exception', 'critical', 'log'}


def test_the_extra_of_a_record_has_the_event_and_its_fields_as_texts() -> None:
    found = extra(LogEvent.CONNECTION_LOST, node='rabbit', cause=OSError('cut'))

    assert found == {
        'coolamqp_event': 'connection_lost',
        'coolamqp_node': 'rabbit',
        'coolamqp_cause': 'cut',
    }
    assert {type(value) for value in found.values()} == {str}  # as each handler expects


def test_a_line_has_no_line_breaks() -> None:
    assert one_line('a forged\nline\r\nand\x0bothers\u2028') == 'a forged line and others'


def test_the_name_of_an_event_is_that_of_its_constant() -> None:
    assert [event.name.lower() for event in LogEvent] == [event.value for event in LogEvent]


def test_each_event_is_logged_somewhere() -> None:
    logged = {name for tree in modules().values() for name in events_in(tree)}
    assert logged == {event.name for event in LogEvent}


def test_each_record_of_a_logger_has_an_event() -> None:
    without = [
        f'{path}:{call.lineno}'
        for path, tree in modules().items()
        for call in calls_of_loggers(tree)
        if 'extra' not in {keyword.arg for keyword in call.keywords}
    ]
    assert without == []


def modules() -> dict[str, ast.Module]:
    return {
        str(path.relative_to(PACKAGE)): ast.parse(path.read_text('utf-8'))
        for path in PACKAGE.rglob('*.py')
    }


def events_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == 'LogEvent':
            yield node.attr


def calls_of_loggers(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            if owner in {'logger', 'self.logger', 'to'} and node.func.attr in LEVELS:
                yield node
