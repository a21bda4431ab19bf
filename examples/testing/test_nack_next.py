from billing import Shop
from coolamqp.broker import Broker


def test_an_order_that_the_broker_refuses_is_sent_again(amqp_broker: Broker, shop: Shop) -> None:
    amqp_broker.nack_next(2)

    shop.place({'id': 7, 'price': 30}).result(timeout=10)

    assert len(amqp_broker.published) == 3
    assert len(amqp_broker.queue('orders')) == 1
