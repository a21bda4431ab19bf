"""The example for Django: a web server and a worker, as processes with a database in a file."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from coolamqp.broker import Broker
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue
from tests.docs.pages import EXAMPLES
from tests.examples.processes import PATIENCE, started, stop, wait_for_line

FOLDER = EXAMPLES / 'django'


class Project:
    """The project, with a database of its own."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.variables = {'AMQP_URL': broker.url, 'DATABASE': str(folder / 'shop.sqlite3')}

    def run(self, command: str) -> str:
        with started(FOLDER, 'manage.py', command, **self.variables) as process:
            output, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, errors) == (0, '')
        return output

    @contextmanager
    def served(self) -> Iterator[str]:
        """Run the web server, and give its address."""
        command = ('runserver', '--noreload', '--skip-checks', '127.0.0.1:0')
        with started(FOLDER, 'manage.py', *command, **self.variables) as server:
            yield wait_for_line(server.stdout, r'server at (\S+)')[1]
            stop(server, signal.SIGINT)

    def orders(self) -> list[tuple[int, bool, bool]]:
        """Give price, published and billed of each order in the database."""
        fields = [row['fields'] for row in json.loads(self.run('dumpdata'))]
        return [(each['price'], each['published'], each['billed']) for each in fields]


def place(address: str, price: int) -> Any:
    return httpx2.post(f'{address}orders', data={'price': price}, timeout=PATIENCE).json()


@pytest.fixture
def project(broker: Broker, tmp_path: Path) -> Project:
    project = Project(broker, tmp_path)
    project.run('migrate')
    return project


def test_an_order_is_committed_before_it_is_published(broker: Broker, project: Project) -> None:
    broker.lose_next_confirm()
    with project.served() as address, ThreadPoolExecutor() as threads:
        placing = threads.submit(place, address, 30)
        broker.wait_for_message(routing_key='orders', timeout=PATIENCE)
        assert project.orders() == [(30, False, False)]  # The request waits for the confirm.

        broker.drop_connections()
        assert placing.result() == {'order': 1}
    assert project.orders() == [(30, True, False)]


def test_what_is_no_order_is_refused(broker: Broker, project: Project) -> None:
    with project.served() as address:
        assert place(address, -1) == {'price': ['Ensure this value is greater than or equal to 0.']}
    assert project.orders() == []


def test_the_worker_bills_an_order_once(broker: Broker, project: Project) -> None:
    with project.served() as address:
        assert place(address, 30) == {'order': 1}
    assert project.orders() == [(30, True, False)]
    assert broker.queue('orders').bodies == [b'{"order": 1}']

    with Cluster(broker.url) as cluster:
        for body in (b'{"order": 1}', b'{"order": 2}', b'no order'):
            cluster.publish(Message(body), routing_key='orders', confirm=True).result(PATIENCE)
    with started(FOLDER, 'manage.py', 'bill_orders', **project.variables) as worker:
        wait_for_line(worker.stdout, 'order 1: 30 EUR')
        broker.wait_until(lambda: broker.queue('orders').is_empty, timeout=PATIENCE)
        output, errors = stop(worker, signal.SIGTERM)

    assert output == ''  # The second message of order 1 bills nothing.
    assert re.findall(r'rejected (.*)', errors) == ['b\'{"order": 2}\'', "b'no order'"]
    assert project.orders() == [(30, True, True)]


def test_an_order_that_the_broker_refuses_is_published_later(
    broker: Broker, project: Project
) -> None:
    with Cluster(broker.url) as cluster, project.served() as address:
        cluster.declare(Queue('orders')).result(PATIENCE)  # which is not durable: 406
        assert place(address, 30) == {'order': 1}
        assert project.orders() == [(30, False, False)]
        cluster.delete_queue('orders').result(PATIENCE)

    project.run('publish_orders')

    assert project.orders() == [(30, True, False)]
    assert broker.queue('orders').bodies == [b'{"order": 1}']
