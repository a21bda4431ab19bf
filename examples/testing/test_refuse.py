import pytest

from billing import Shop
from coolamqp.broker import Broker


def test_an_order_waits_for_a_connection(amqp_broker: Broker, shop: Shop) -> None:
    amqp_broker.refuse()
    amqp_broker.drop_connections()

    placed = shop.place({'id': 7, 'price': 30})
    with pytest.raises(TimeoutError):
        placed.result(timeout=0.2)

    amqp_broker.refuse(False)
    placed.result(timeout=10)
    assert amqp_broker.queue('orders').bodies == [b'{"id": 7, "price": 30}']
