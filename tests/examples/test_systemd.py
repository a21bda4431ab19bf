"""The example for systemd: the unit, and the worker with a socket in place of systemd."""

from __future__ import annotations

import configparser
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from coolamqp.broker import Broker
from coolamqp.clustering import Cluster
from coolamqp.objects import Message
from tests.docs.pages import EXAMPLES
from tests.examples.processes import PATIENCE, started, stop, wait_for_line

FOLDER = EXAMPLES / 'systemd'
ANALYZE = shutil.which('systemd-analyze')
UNIT = (FOLDER / 'worker.service').read_text('utf-8')


@pytest.mark.skipif(ANALYZE is None, reason='systemd is not installed')
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / 'worker.service'
    unit.write_text(UNIT.replace('/opt/worker/venv/bin/python', sys.executable), 'utf-8')

    checked = subprocess.run(
        [str(ANALYZE), 'verify', unit], capture_output=True, text=True, check=False
    )

    assert (checked.returncode, checked.stderr) == (0, '')


def test_systemd_waits_longer_than_the_worker_takes() -> None:
    parser = configparser.ConfigParser()
    parser.read_string(UNIT)
    service = parser['Service']
    program = (FOLDER / 'worker.py').read_text('utf-8')

    for setting, call in (('TimeoutStartSec', 'start'), ('TimeoutStopSec', 'shutdown')):
        (timeout,) = re.findall(rf'cluster\.{call}\(timeout=(\d+)\)', program)
        assert int(service[setting]) > int(timeout)


@pytest.mark.parametrize('abstract', [False, True])
def test_the_worker_tells_systemd_its_state(broker: Broker, tmp_path: Path, abstract: bool) -> None:
    path = tmp_path / 'notify'
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(PATIENCE)
        systemd.bind(f'\0{path}' if abstract else str(path))
        address = f'@{path}' if abstract else str(path)
        with started(FOLDER, 'worker.py', AMQP_URL=broker.url, NOTIFY_SOCKET=address) as worker:
            assert systemd.recv(100) == b'READY=1'
            assert broker.queue('jobs').consumers
            stop(worker, signal.SIGTERM)
        assert systemd.recv(100) == b'STOPPING=1'


def test_the_worker_works_without_systemd(broker: Broker) -> None:
    with (
        Cluster(broker.url) as cluster,
        started(FOLDER, 'worker.py', AMQP_URL=broker.url, NOTIFY_SOCKET='') as worker,
    ):
        broker.wait_until(lambda: broker.queue('jobs').consumers, timeout=PATIENCE)
        cluster.publish(Message(b'a job'), routing_key='jobs', confirm=True).result(PATIENCE)
        wait_for_line(worker.stdout, 'a job')
        stop(worker, signal.SIGTERM)

    assert broker.queue('jobs').is_empty
