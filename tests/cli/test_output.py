"""Text for people, JSON for machines."""

from __future__ import annotations

import json

import pytest

from coolamqp.cli.output import Output, counted


def test_json_is_one_object_a_line_and_nothing_else(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    output = Output(as_json=True)
    output.note('connecting')
    output.result({'name': 'zażółć\n'}, 'a text')
    output.table({'count': 2}, [('count', 2)])

    out, error = capfdbinary.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [{'name': 'zażółć\n'}, {'count': 2}]
    assert error == b''


def test_people_read_results_on_stdout_and_notes_on_stderr(
    capfd: pytest.CaptureFixture[str],
) -> None:
    output = Output(as_json=False)
    output.note('connecting')
    output.table({'count': 2}, [('count', 2), ('names', 'one,\ntwo')])

    out, error = capfd.readouterr()
    assert out == 'count         2\nnames         one,\n              two\n'
    assert error == 'connecting\n'


def test_a_long_name_does_not_touch_its_value(capfd: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).table({}, [('received again', 100), ('lost', 0)])

    assert capfd.readouterr().out == 'received again  100\nlost            0\n'


def test_no_progress_goes_into_a_pipe(capfd: pytest.CaptureFixture[str]) -> None:
    with Output(as_json=False).progress('messages', 2) as progress:
        progress.advance(2)

    assert capfd.readouterr() == ('', '')


def test_things_are_counted_in_words() -> None:
    assert [counted(number, 'message') for number in range(3)] == [
        '0 messages',
        '1 message',
        '2 messages',
    ]
