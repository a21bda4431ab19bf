import asyncio

import pytest

from billing import Billing
from coolamqp.aio import Cluster
from coolamqp.broker import Broker
from coolamqp.objects import Message


@pytest.mark.asyncio
async def test_an_order_is_billed(
    amqp_broker: Broker, billing: Billing, aio_amqp_cluster: Cluster
) -> None:
    async with aio_amqp_cluster as cluster:
        message = Message(b'{"id": 7, "price": 30}')
        await cluster.publish(message, routing_key='orders', confirm=True)

    invoice = await asyncio.to_thread(amqp_broker.wait_for_message, routing_key='invoices')
    assert invoice.body == b'30 EUR'
