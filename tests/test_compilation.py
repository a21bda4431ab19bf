from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import coolamqp

TELL = 'import coolamqp, coolamqp.framing.hot as hot; print(coolamqp.compiled, hot.__file__)'


def told(**environment: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, '-c', TELL],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    compiled, file = done.stdout.split(maxsplit=1)
    return compiled, Path(file.strip()).suffix


def test_pure_python_can_be_forced() -> None:
    assert told(COOLAMQP_PURE='1') == ('False', '.py')


def test_it_tells_in_which_form_it_runs() -> None:
    compiled, suffix = told(COOLAMQP_PURE='')

    assert suffix == ('.so' if compiled == 'True' else '.py')


@pytest.mark.skipif(not coolamqp.compiled, reason='nothing to trace back through')
def test_a_traceback_through_the_compiled_core_names_the_lines_of_the_source() -> None:
    command = 'from coolamqp.framing.definitions import decode_method; decode_method(b"")'
    done = subprocess.run(
        [sys.executable, '-c', command], capture_output=True, text=True, check=False
    )

    assert 'framing/definitions.py", line ' in done.stderr
    assert 'in decode_method' in done.stderr
