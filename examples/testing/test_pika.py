import pika

from billing import Billing
from coolamqp.broker import Broker


def test_an_order_of_another_client_is_billed(amqp_broker: Broker, billing: Billing) -> None:
    with pika.BlockingConnection(pika.URLParameters(amqp_broker.url)) as connection:
        channel = connection.channel()
        channel.basic_publish('', 'orders', b'{"id": 7, "price": 30}')

    assert amqp_broker.wait_for_message(routing_key='invoices').body == b'30 EUR'
