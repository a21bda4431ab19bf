from __future__ import annotations

import os
import subprocess
import sys

import coolamqp
from tools.release.trying import TRIAL


def trial(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, 'COOLAMQP_PURE': '1'}
    command = [sys.executable, str(TRIAL), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_it_publishes_and_consumes() -> None:
    ended = trial(coolamqp.__version__, 'pure')
    assert (ended.returncode, ended.stdout.endswith('pure: published and consumed\n')) == (0, True)


def test_it_refuses_another_form_and_another_version() -> None:
    assert 'not the compiled form' in trial(coolamqp.__version__, 'compiled').stderr
    assert f'this is version {coolamqp.__version__}' in trial('1.0', 'pure').stderr
