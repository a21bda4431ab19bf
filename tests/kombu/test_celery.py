"""A Celery worker serves a client in another process, both on the transport of CoolAMQP."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.foreign.running import run, started_celery
from tests.foreign.test_celery import STEPS, STOP_TIMEOUT

pytestmark = pytest.mark.integration

PROGRAM = 'tests.foreign.programs.celery_on_coolamqp'
VARIABLES = {**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))}


@pytest.mark.parametrize('pool', ['solo', 'prefork', 'threads'])
def test_worker(ours: str, tmp_path: Path, pool: str) -> None:
    log = tmp_path / 'worker.log'
    arguments = ['--app', PROGRAM, '--broker', ours, 'worker', f'--pool={pool}', '--concurrency=2']
    with started_celery(sys.executable, arguments, VARIABLES, log) as worker:
        client = run([sys.executable, '-m', PROGRAM, ours], VARIABLES)
        client = replace(
            client, errors=f'{client.errors}\n--- the worker\n{log.read_text("utf-8")}'
        )
        client.check(STEPS)
        worker.send_signal(signal.SIGTERM)
        status = worker.wait(STOP_TIMEOUT)
    assert status == 0, log.read_text('utf-8')
