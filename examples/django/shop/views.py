"""The web pages of the shop."""

from functools import partial

from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from shop.messaging import publish
from shop.models import Order


@require_POST
def place(request: HttpRequest) -> JsonResponse:
    """Store an order, and publish it when the transaction is committed."""
    with transaction.atomic():
        order = Order.objects.create(price=request.POST['price'])
        transaction.on_commit(partial(publish, order))
    return JsonResponse({'order': order.pk}, status=201)
