"""The demo, run as the program it is, on a small folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.nodes import EMBEDDED, RABBITMQ, BrokerNode

ROOT = Path(__file__).parent.parent.parent
RUN_TIMEOUT = 110
LAST_LINE = re.compile(
    r'demo: published=40 confirmed=40 received=40 lost=0 duplicated=\d+ corrupted=0 '
    r'reconnects=1 bytes=(\d+) seconds=\d+\.\d'
)

pytestmark = pytest.mark.integration


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """40 files of many sizes, an empty one and one of several frames among them."""
    for number in range(40):
        path = tmp_path / f'package_{number % 3}' / f'module_{number}.py'
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b'# \xc4\n' * number**3 * 2)
    return tmp_path


def start_demo(folder: Path, url: str = '', broker: str = '') -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, '-m', 'examples.demo', '--folder', str(folder)],
        cwd=ROOT,
        env={**os.environ, 'AMQP_URL': url, 'BROKER': broker or EMBEDDED},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def check_success(demo: subprocess.Popen[str], folder: Path) -> None:
    output, errors = demo.communicate(timeout=RUN_TIMEOUT)
    last_line = LAST_LINE.fullmatch(output.splitlines()[-1])
    assert last_line, output + errors
    assert int(last_line[1]) == sum(path.stat().st_size for path in folder.rglob('*.py'))
    assert demo.returncode == 0
    assert errors == ''


@pytest.mark.parametrize(
    'broker', [EMBEDDED, pytest.param(RABBITMQ, marks=pytest.mark.rabbitmq_only)]
)
def test_everything_gets_through_a_broker_that_is_restarted(folder: Path, broker: str) -> None:
    check_success(start_demo(folder, broker=broker), folder)


def test_a_given_broker_is_left_as_it_was(
    folder: Path, rabbitmq: BrokerNode, broker_url: str, vhost: str
) -> None:
    check_success(start_demo(folder, broker_url), folder)

    assert rabbitmq.queues(vhost) == []


def test_an_interrupt_ends_it_and_its_queue(
    folder: Path, rabbitmq: BrokerNode, broker_url: str, vhost: str
) -> None:
    demo = start_demo(folder, broker_url)
    assert demo.stdout is not None
    for line in demo.stdout:
        if 'half of it is published' in line:
            break
    demo.send_signal(signal.SIGINT)

    _, errors = demo.communicate(timeout=RUN_TIMEOUT)

    assert demo.returncode in (0, 130), errors  # 0: it was through already
    assert rabbitmq.queues(vhost) == []


def test_a_folder_without_sources_is_refused(tmp_path: Path) -> None:
    demo = start_demo(tmp_path)
    _, errors = demo.communicate(timeout=RUN_TIMEOUT)

    assert demo.returncode == 2
    assert 'there is no .py file' in errors


def test_a_broker_that_is_not_there_is_named(folder: Path) -> None:
    demo = start_demo(folder, 'amqp://guest:guest@127.0.0.1:1/')
    output, errors = demo.communicate(timeout=RUN_TIMEOUT)

    assert demo.returncode == 2
    assert 'cannot connect' in errors
    assert not output.splitlines()[-1].startswith('demo:')
