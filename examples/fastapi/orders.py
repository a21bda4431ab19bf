"""A web API that publishes each order, and consumes the invoices for them beside it.

AMQP_URL=amqp://guest:guest@localhost/ uvicorn orders:app
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, TypedDict

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel

from coolamqp.aio import Cluster
from coolamqp.objects import Message, Queue, ReceivedMessage

ORDERS = Queue('orders', durable=True)
INVOICES = Queue('invoices', durable=True)
CONFIRM_TIMEOUT = 5  # seconds


class Order(BaseModel):
    """An order of a customer."""

    id: int
    price: int


class State(TypedDict):
    """What the application keeps from its start to its end."""

    cluster: Cluster
    totals: dict[int, str]  # by order; a database in a real program


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
    """Connect and consume before the first request; stop in good order after the last one."""
    totals: dict[int, str] = {}

    def on_invoice(message: ReceivedMessage) -> None:
        invoice = json.loads(message.text())
        totals[invoice['order']] = invoice['total']
        message.ack()

    url = os.environ.get('AMQP_URL', 'amqp://guest:guest@localhost/')
    async with Cluster(url, name='orders') as cluster:
        await cluster.declare(ORDERS, persistent=True)
        _, consuming = cluster.consume(INVOICES, on_invoice, prefetch=10, on_error='reject')
        await consuming
        yield {'cluster': cluster, 'totals': totals}


class Publisher:
    """Publishes orders; endpoints depend on it."""

    def __init__(self, request: Request) -> None:
        self._cluster: Cluster = request.state.cluster

    async def publish(self, order: Order) -> None:
        """Publish an order, and wait for its confirm.

        :raises TimeoutError: the confirm has not come; the broker may have the order nevertheless
        """
        message = Message(order.model_dump_json().encode(), delivery_mode=2)
        async with asyncio.timeout(CONFIRM_TIMEOUT):
            await self._cluster.publish(message, routing_key='orders', confirm=True)


app = FastAPI(lifespan=lifespan)


@app.post('/orders', status_code=202)
async def place(order: Order, publisher: Annotated[Publisher, Depends()]) -> Order:
    """Accept an order when the broker has it."""
    try:
        await publisher.publish(order)
    except TimeoutError:
        raise HTTPException(503, 'The order is not confirmed. Send it again later.') from None
    return order


@app.get('/orders/{number}/invoice')
async def invoice(number: int, request: Request) -> str:
    """Return the total of an invoice."""
    try:
        total: str = request.state.totals[number]
    except KeyError:
        raise HTTPException(404, 'There is no invoice yet.') from None
    return total


@app.get('/ready')
async def ready(request: Request, response: Response) -> str:
    """Return whether this process can do its work now."""
    health = request.state.cluster.health()
    response.status_code = 200 if health else 503
    return str(health)
