"""The example for Django: a web server and a worker, as processes with a database in a file."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from coolamqp.broker import Broker
from coolamqp.clustering import Cluster
from coolamqp.objects import Message
from tests.docs.pages import EXAMPLES

PATIENCE = 30.0  # seconds


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as broker:
        yield broker


class Project:
    """The project, with a database of its own."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self._variables = {
            **os.environ,
            'AMQP_URL': broker.url,
            'DATABASE': str(folder / 'shop.sqlite3'),
        }

    def start(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, '-W', 'error', 'manage.py', *command],
            cwd=EXAMPLES / 'django',
            env=self._variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str) -> str:
        process = self.start(*command)
        output, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, errors) == (0, '')
        return output

    @contextmanager
    def served(self) -> Iterator[str]:
        """Run the web server, and give its address."""
        with self.start('runserver', '--noreload', '--skip-checks', '127.0.0.1:0') as server:
            try:
                yield first(server, r'server at (\S+)')[1]
            finally:
                server.send_signal(signal.SIGINT)
                server.communicate(timeout=PATIENCE)

    def orders(self) -> list[tuple[int, bool, bool]]:
        """Give price, published and billed of each order."""
        rows = json.loads(self.run('dumpdata', 'shop'))
        fields = [row['fields'] for row in rows]
        return [(each['price'], each['published'], each['billed']) for each in fields]


def first(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    """Give the first line that has a pattern."""
    assert process.stdout is not None
    for line in process.stdout:
        if match := re.search(pattern, line):
            return match
    pytest.fail(f'there is no {pattern!r}: {process.communicate()[1]}')


def place(address: str, price: int) -> Any:
    with urlopen(f'{address}orders', b'price=%d' % price, timeout=PATIENCE) as answer:
        return json.load(answer)


@pytest.fixture
def project(broker: Broker, tmp_path: Path) -> Project:
    project = Project(broker, tmp_path)
    project.run('migrate')
    return project


def test_an_order_is_published_on_commit_and_billed_once(broker: Broker, project: Project) -> None:
    with project.served() as address:
        assert place(address, 30) == {'order': 1}
    assert project.orders() == [(30, True, False)]
    assert broker.queue('orders').bodies == [b'{"order": 1}']

    with Cluster(broker.url) as cluster:
        for body in (b'{"order": 1}', b'{"order": 2}', b'no order'):
            cluster.publish(Message(body), routing_key='orders', confirm=True).result(PATIENCE)
    worker = project.start('bill_orders')
    first(worker, 'order 1: 30 EUR')
    broker.wait_until(lambda: broker.queue('orders').is_empty, timeout=PATIENCE)
    worker.send_signal(signal.SIGTERM)

    output, errors = worker.communicate(timeout=PATIENCE)
    assert (worker.returncode, output) == (0, '')  # The second message of order 1 bills nothing.
    assert re.findall(r'rejected (.*)', errors) == ["b'{\"order\": 2}'", "b'no order'"]
    assert project.orders() == [(30, True, True)]


def test_an_order_that_no_broker_confirms_is_published_later(
    broker: Broker, project: Project
) -> None:
    broker.nack_next(1000)
    with project.served() as address:
        assert place(address, 30) == {'order': 1}
    assert project.orders() == [(30, False, False)]

    broker.heal()
    project.run('publish_orders')

    assert project.orders() == [(30, True, False)]
    assert broker.queue('orders').bodies == [b'{"order": 1}']
