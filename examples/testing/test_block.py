from billing import Shop
from coolamqp.broker import Broker


def test_the_shop_knows_that_the_broker_takes_no_messages(amqp_broker: Broker, shop: Shop) -> None:
    amqp_broker.block('low on disk space')
    shop.place({'id': 7, 'price': 30})
    assert shop.blocked.wait(timeout=10)
    placed = shop.place({'id': 8, 'price': 40})
    assert not placed.done()

    amqp_broker.unblock()
    placed.result(timeout=10)
    assert len(amqp_broker.queue('orders')) == 2
