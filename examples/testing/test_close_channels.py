from billing import Billing, Shop
from coolamqp.broker import Broker
from coolamqp.reply_codes import PRECONDITION_FAILED


def test_billing_opens_its_channels_again(
    amqp_broker: Broker, amqp_url: str, billing: Billing
) -> None:
    (before,) = amqp_broker.connections

    amqp_broker.close_channels(PRECONDITION_FAILED)

    with Shop(amqp_url) as shop:
        shop.place({'id': 7, 'price': 30})
        assert amqp_broker.wait_for_message(routing_key='invoices').body == b'30 EUR'
    assert before.peer in [connection.peer for connection in amqp_broker.connections]
