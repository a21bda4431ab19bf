"""The orders of the customers."""

from django.db import models


class Order(models.Model):
    """An order, and how far it is."""

    price = models.PositiveIntegerField()
    published = models.BooleanField(default=False)  # Whether the broker has confirmed its message.
    billed = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f'order {self.pk}: {self.price} EUR'
