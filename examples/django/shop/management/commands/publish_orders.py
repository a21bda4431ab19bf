"""The second chance: python manage.py publish_orders."""

from typing import Any

from django.core.management.base import BaseCommand

from shop.messaging import publish
from shop.models import Order


class Command(BaseCommand):
    """Publish the orders that are committed, but not confirmed by the broker."""

    help = 'Publish the orders that are committed, but not confirmed by the broker.'

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Publish them again. A timer runs this command every few minutes."""
        for order in Order.objects.filter(published=False).order_by('pk'):
            publish(order)
