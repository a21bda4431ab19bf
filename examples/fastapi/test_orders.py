"""The API on an embedded broker: the plugin of CoolAMQP starts one for each test."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

import orders
from coolamqp.broker import Broker
from coolamqp.clustering import Cluster
from coolamqp.objects import Message


@pytest.fixture
def client(amqp_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A client of the API; `with` runs the lifespan."""
    monkeypatch.setenv('AMQP_URL', amqp_url)
    monkeypatch.setattr(orders, 'CONFIRM_TIMEOUT', 0.2)
    with TestClient(orders.app) as client:
        yield client


def test_an_order_is_accepted_when_the_broker_has_it(
    amqp_broker: Broker, client: TestClient
) -> None:
    answer = client.post('/orders', json={'id': 7, 'price': 30})

    assert answer.status_code == 202
    assert amqp_broker.queue('orders').bodies == [b'{"id":7,"price":30}']


def test_an_invoice_is_shown(
    amqp_broker: Broker, client: TestClient, amqp_cluster: Cluster
) -> None:
    assert client.get('/orders/7/invoice').status_code == 404

    invoice = Message(b'{"order": 7, "total": "30 EUR"}')
    amqp_cluster.publish(invoice, routing_key='invoices', confirm=True).result(10)
    amqp_broker.wait_until(lambda: amqp_broker.queue('invoices').is_empty)

    assert client.get('/orders/7/invoice').json() == '30 EUR'


def test_an_order_is_refused_while_there_is_no_broker(
    amqp_broker: Broker, client: TestClient
) -> None:
    assert client.get('/ready').status_code == 200

    amqp_broker.refuse()
    amqp_broker.drop_connections()

    assert client.post('/orders', json={'id': 7, 'price': 30}).status_code == 503
    assert client.get('/ready').status_code == 503
