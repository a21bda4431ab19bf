from billing import Billing, Shop
from coolamqp.broker import Broker


def test_billing_comes_back_after_a_cut(amqp_broker: Broker, billing: Billing, shop: Shop) -> None:
    assert amqp_broker.drop_connections() == 2

    shop.place({'id': 7, 'price': 30})

    assert amqp_broker.wait_for_message(routing_key='invoices').body == b'30 EUR'
