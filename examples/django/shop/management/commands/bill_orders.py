"""The worker: python manage.py bill_orders."""

import json
import logging
import signal
from threading import Thread
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections

from coolamqp.clustering import Cluster
from coolamqp.objects import ReceivedMessage
from shop.messaging import ORDERS
from shop.models import Order

SIGNALS = (signal.SIGINT, signal.SIGTERM)

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Bill the orders that come, until SIGINT (Ctrl-C) or SIGTERM."""

    help = 'Bill the orders that come, until SIGINT (Ctrl-C) or SIGTERM.'

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Bill one order after the other, on this thread."""
        # A thread waits for the signals. Python runs a signal handler on the main thread only, and
        # late if that has just begun to wait for a message.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        with Cluster(settings.AMQP_URL, name='bill_orders') as cluster:
            Thread(target=self.stop, args=(cluster,), daemon=True).start()
            messages = cluster.messages(ORDERS, prefetch=10)
            self.stdout.write('at work; Ctrl-C ends this')
            for message in messages:  # until the shutdown
                close_old_connections()
                self.bill(message)

    def stop(self, cluster: Cluster) -> None:
        """Wait for a signal, and end the loop over the messages."""
        signal.sigwait(SIGNALS)
        cluster.shutdown(wait=False)

    def bill(self, message: ReceivedMessage) -> None:
        """Bill an order once, and acknowledge its message; reject a message without an order."""
        try:
            order = Order.objects.get(pk=json.loads(message.text())['order'])
        except (ValueError, KeyError, TypeError, Order.DoesNotExist):
            logger.exception('rejected %r', message.body)
            message.reject()
            return
        if not order.billed:
            self.stdout.write(str(order))
            order.billed = True
            order.save(update_fields=['billed'])
        message.ack()
