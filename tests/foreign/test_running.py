"""A test of a client fails if its program has not done all steps, and says where it failed."""

from __future__ import annotations

import pytest

from tests.foreign.running import Run, program_variables

STEPS = ('declare', 'publish')
OUTPUT = 'ok declare\nok publish\n'


def test_a_run_with_all_steps_is_good() -> None:
    Run(0, f'a line between\n{OUTPUT}', 'a warning').check(STEPS)


@pytest.mark.parametrize(
    ('run', 'problem'),
    [
        (Run(1, '', 'a traceback'), "failed at the step 'declare', with status 1"),
        (Run(0, 'ok declare\n', 'a traceback'), "failed at the step 'publish', with status 0"),
        (Run(1, OUTPUT, 'a traceback'), 'the status is 1'),
        (Run(0, f'{OUTPUT}ok more\n', 'a traceback'), 'did the steps'),
        (Run(0, 'ok publish\nok declare\n', 'a traceback'), 'did the steps'),
    ],
)
def test_another_run_fails_the_test_and_is_shown(run: Run, problem: str) -> None:
    with pytest.raises(pytest.fail.Exception) as failure:
        run.check(STEPS)
    text = str(failure.value)
    assert problem in text
    assert run.output in text
    assert run.errors in text


def test_a_program_cannot_find_our_coolamqp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PYTHONPATH', 'src')
    monkeypatch.setenv('COOLAMQP_PURE', '1')
    assert not {'PYTHONPATH', 'COOLAMQP_PURE'} & set(program_variables())
    assert program_variables(NODE_PATH='some')['NODE_PATH'] == 'some'
