"""Two small services: a shop that sends orders, and a billing service that writes the invoices."""

import json
import threading
from typing import Any, Self

from coolamqp.clustering import Cluster
from coolamqp.clustering.future import ClusterFuture
from coolamqp.objects import Message, Queue, ReceivedMessage

ORDERS = Queue('orders', durable=True)
INVOICES = Queue('invoices', durable=True)


class Service:
    """A service with a Cluster, for a `with` block."""

    def __init__(self, url: str, name: str) -> None:
        self.cluster = Cluster(url, name=name, on_blocked=self.on_blocked)
        self.blocked = threading.Event()

    def on_blocked(self, blocked: bool) -> None:
        """Remember whether the broker takes messages."""
        if blocked:
            self.blocked.set()
        else:
            self.blocked.clear()

    def start(self) -> None:
        """Connect, and declare the queues."""
        self.cluster.start()
        for queue in (ORDERS, INVOICES):
            self.cluster.declare(queue, persistent=True).result(timeout=10)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cluster.shutdown()


class Shop(Service):
    """Sends orders."""

    def __init__(self, url: str) -> None:
        super().__init__(url, 'shop')

    def place(self, order: dict[str, Any]) -> ClusterFuture:
        """Send an order; the future ends when the broker has it."""
        message = Message(json.dumps(order).encode(), delivery_mode=2)
        return self.cluster.publish(message, routing_key='orders', confirm=True)

    def checkout(self, order: dict[str, Any], timeout: float) -> str:
        """Send an order, and return what to tell the customer."""
        try:
            self.place(order).result(timeout)
        except TimeoutError:
            return 'We will send a mail.'
        return 'Thank you!'


class Billing(Service):
    """Writes an invoice for each order. An order that comes again is billed once."""

    def __init__(self, url: str) -> None:
        super().__init__(url, 'billing')
        self.billed: set[int] = set()

    def start(self) -> None:
        """Start to take orders."""
        super().start()
        _, consuming = self.cluster.consume(
            ORDERS, self.on_order, no_ack=False, prefetch=10, on_error='reject'
        )
        consuming.result(timeout=10)

    def on_order(self, message: ReceivedMessage) -> None:
        """Write the invoice, and acknowledge the order when the broker has the invoice."""
        order = json.loads(message.text())
        if order['id'] not in self.billed:
            invoice = Message(b'%d EUR' % order['price'], delivery_mode=2)
            self.cluster.publish(invoice, routing_key='invoices', confirm=True).result()
            self.billed.add(order['id'])
        message.ack()
