"""A Celery worker serves a client in another process. Both use the defaults of Celery."""

from __future__ import annotations

import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.foreign.running import program_variables, run_python, started_celery
from tests.support.environments import python_of

STEPS: Final = (
    'call',
    'large_call',
    'failure',
    'countdown',
    'retry',
    'reject',
    'group_of_tasks',
    'ping',
    'events',
)
TASKS: Final = 'tests.foreign.programs.celery_tasks'
STOP_TIMEOUT: Final = 20  # seconds


def test_worker(foreign_broker_url: str, tmp_path: Path) -> None:
    log = tmp_path / 'worker.log'
    arguments = ['--app', TASKS, '--broker', foreign_broker_url, 'worker', '--pool=solo']
    python, variables = python_of('celery'), program_variables()
    with started_celery(python, arguments, variables, log) as worker:
        run = run_python('celery', 'celery_client', foreign_broker_url)
        run = replace(run, errors=f'{run.errors}\n--- the worker\n{log.read_text("utf-8")}')
        run.check(STEPS)
        worker.send_signal(signal.SIGTERM)
        try:
            status = worker.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            pytest.fail(f'the worker does not stop:\n{log.read_text("utf-8")}', pytrace=False)
    assert status == 0, log.read_text('utf-8')
