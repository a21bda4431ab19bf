from billing import Billing, Shop
from coolamqp.broker import Broker


def test_billing_consumes_again_when_its_queue_has_moved(
    amqp_broker: Broker, billing: Billing, shop: Shop
) -> None:
    assert amqp_broker.cancel_consumers('orders') == 1

    amqp_broker.wait_until(lambda: amqp_broker.queue('orders').consumers)

    shop.place({'id': 7, 'price': 30})
    assert amqp_broker.wait_for_message(routing_key='invoices').body == b'30 EUR'
