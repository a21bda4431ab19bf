from billing import Billing, Shop
from coolamqp.broker import Broker


def test_an_order_survives_a_restart(amqp_broker: Broker, amqp_url: str, shop: Shop) -> None:
    shop.place({'id': 7, 'price': 30}).result(timeout=10)

    amqp_broker.restart()

    with Billing(amqp_url):
        assert amqp_broker.wait_for_message(routing_key='invoices').body == b'30 EUR'
