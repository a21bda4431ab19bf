from billing import Shop
from coolamqp.broker import Broker


def test_a_customer_does_not_wait_for_a_broker_that_hangs(amqp_broker: Broker, shop: Shop) -> None:
    amqp_broker.freeze()
    assert shop.checkout({'id': 7, 'price': 30}, timeout=0.2) == 'We will send a mail.'
    assert amqp_broker.published == []

    amqp_broker.thaw()
    assert amqp_broker.wait_for_message(routing_key='orders').body == b'{"id": 7, "price": 30}'
