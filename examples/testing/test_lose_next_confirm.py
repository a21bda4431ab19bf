from billing import Billing, Shop
from coolamqp.broker import Broker


def test_an_order_that_comes_twice_is_billed_once(
    amqp_broker: Broker, billing: Billing, shop: Shop
) -> None:
    amqp_broker.lose_next_confirm()
    placed = shop.place({'id': 7, 'price': 30})
    amqp_broker.wait_for_message(routing_key='invoices')
    amqp_broker.wait_until(lambda: amqp_broker.queue('orders').is_empty)

    amqp_broker.drop_connections()  # The shop does not know whether the broker has the order.
    placed.result(timeout=10)
    amqp_broker.wait_until(lambda: amqp_broker.queue('orders').is_empty)

    published = [message.routing_key for message in amqp_broker.published]
    assert published == ['orders', 'invoices', 'orders']
