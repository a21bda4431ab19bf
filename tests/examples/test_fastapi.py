"""The example for FastAPI: its own tests, and the whole program under uvicorn."""

from __future__ import annotations

import shutil
import signal

import httpx2
import pytest

from coolamqp.broker import Broker
from coolamqp.clustering import Cluster
from coolamqp.objects import Message
from tests.docs.pages import EXAMPLES
from tests.examples.processes import PATIENCE, started, stop, wait_for_line

FOLDER = EXAMPLES / 'fastapi'
TESTS = 3


def test_its_own_tests_pass(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(FOLDER, pytester.path, dirs_exist_ok=True)
    monkeypatch.setenv('PYTEST_ADDOPTS', '-p no:asyncio -p no:anyio -p no:cacheprovider')

    result = pytester.runpytest_subprocess('-W', 'error', '--strict-markers')

    result.assert_outcomes(passed=TESTS)


def test_it_serves_and_stops_in_good_order(broker: Broker) -> None:
    command = ('-m', 'uvicorn', 'orders:app', '--port', '0', '--no-access-log')
    with started(FOLDER, *command, AMQP_URL=broker.url) as server, Cluster(broker.url) as cluster:
        address = wait_for_line(server.stderr, r'running on (\S+)')[1]
        with httpx2.Client(base_url=address, timeout=PATIENCE) as client:
            assert client.post('/orders', json={'id': 7, 'price': 30}).status_code == 202
            assert broker.queue('orders').bodies == [b'{"id":7,"price":30}']

            invoice = Message(b'{"order": 7, "total": "30 EUR"}')
            cluster.publish(invoice, routing_key='invoices', confirm=True).result(PATIENCE)
            broker.wait_until(lambda: broker.queue('invoices').is_empty, timeout=PATIENCE)
            assert client.get('/orders/7/invoice').json() == '30 EUR'

        # At its end, uvicorn raises the signal again.
        stop(server, signal.SIGTERM, -signal.SIGTERM)
        assert [each.name for each in broker.connections] == [cluster.name]
