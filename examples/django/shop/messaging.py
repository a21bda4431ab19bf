"""The messages that the shop publishes, and the Cluster that publishes them."""

import json
import logging
from functools import cache
from threading import Lock

from django.conf import settings

from coolamqp.clustering import Cluster
from coolamqp.exceptions import CoolAMQPError
from coolamqp.objects import Message, Queue
from shop.models import Order

ORDERS = Queue('orders', durable=True)
CONFIRM_TIMEOUT = 5  # seconds

logger = logging.getLogger(__name__)


class Publisher:
    """Publishes orders. It does not wait for a connection before the first order."""

    def __init__(self) -> None:
        self._cluster = Cluster(settings.AMQP_URL, name='shop')
        self._cluster.start(wait=False)
        self._declared = self._cluster.declare(ORDERS, persistent=True)

    def publish(self, order: Order) -> None:
        """Publish an order, and record its confirm; if it does not come, log the reason."""
        message = Message(json.dumps({'order': order.pk}).encode(), delivery_mode=2)
        try:
            self._declared.result(CONFIRM_TIMEOUT)
            confirmed = self._cluster.publish(message, routing_key='orders', confirm=True)
            confirmed.result(CONFIRM_TIMEOUT)
        except (CoolAMQPError, TimeoutError):
            logger.exception('not confirmed: %s', order)
        else:
            Order.objects.filter(pk=order.pk).update(published=True)


_lock = Lock()  # `cache` alone would let two threads make two publishers.
_publisher = cache(Publisher)


def publish(order: Order) -> None:
    """Publish an order with the publisher of this process, which is made at the first call.

    A server such as gunicorn may fork after it has imported this module, so the import must not
    connect.
    """
    with _lock:
        publisher = _publisher()
    publisher.publish(order)
