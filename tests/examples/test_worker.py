"""The worker of the tutorial, which promises to survive what happens to the broker."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue
from tests.integration.support import PATIENCE
from tests.support.proxy import FaultProxy

WORKER = Path(__file__).parents[2] / 'examples' / 'worker.py'

pytestmark = pytest.mark.integration


def test_a_worker_survives_a_lost_connection_and_ends_in_good_order(
    cluster: Cluster, proxy: FaultProxy, vhost: str
) -> None:
    url = f'amqp://guest:guest@{proxy.host}:{proxy.port}/{vhost}'
    worker = subprocess.Popen(
        [sys.executable, str(WORKER), url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == 'at work; Ctrl-C ends this\n'

    with cluster.messages(Queue('results', durable=True), timeout=PATIENCE) as results:
        for job, wanted in ((b'3', '9'), (b'4', '16')):
            cluster.publish(Message(job), routing_key='jobs', confirm=True).result(PATIENCE)
            assert wanted in (result.text() for result in results)  # one may come twice
            proxy.cut()
    worker.send_signal(signal.SIGTERM)

    _, log = worker.communicate(timeout=PATIENCE)
    assert worker.returncode == 0
    assert 'lost the connection' in log
    assert 'restored' in log
