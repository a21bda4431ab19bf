import pytest

from billing import Billing, Shop
from coolamqp.broker import Broker


@pytest.mark.amqp_broker(heartbeat=1)
def test_a_slow_network_is_no_lost_connection(
    amqp_broker: Broker, billing: Billing, shop: Shop
) -> None:
    before = {connection.peer for connection in amqp_broker.connections}

    with amqp_broker.slow(bytes_per_second=10_000):
        shop.place({'id': 7, 'price': 30, 'note': 'x' * 25_000})  # comes in 2.5 seconds
        amqp_broker.wait_for_message(routing_key='invoices', timeout=10)

    assert {connection.peer for connection in amqp_broker.connections} == before
