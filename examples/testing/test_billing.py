from billing import INVOICES, Billing, Shop
from coolamqp.broker import Broker
from coolamqp.clustering import Cluster
from coolamqp.objects import Message


def test_an_order_is_billed(amqp_broker: Broker, billing: Billing, shop: Shop) -> None:
    shop.place({'id': 7, 'price': 30})

    invoice = amqp_broker.wait_for_message(routing_key='invoices')

    assert invoice.body == b'30 EUR'
    assert invoice.properties.delivery_mode == 2


def test_a_broken_order_is_rejected(
    amqp_broker: Broker, billing: Billing, amqp_cluster: Cluster
) -> None:
    amqp_cluster.publish(Message(b'no order'), routing_key='orders', confirm=True).result(10)

    amqp_broker.wait_until(lambda: amqp_broker.queue('orders').is_empty)

    assert amqp_broker.queue('invoices').messages == []


def test_it_works_on_any_broker(billing: Billing, shop: Shop, amqp_cluster: Cluster) -> None:
    shop.place({'id': 7, 'price': 30})

    with amqp_cluster.messages(INVOICES, timeout=10) as invoices:
        assert next(invoices).body == b'30 EUR'
