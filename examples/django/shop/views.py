"""The web pages of the shop."""

from functools import partial

from django.db import transaction
from django.forms import modelform_factory
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from shop.messaging import publish
from shop.models import Order

OrderForm = modelform_factory(Order, fields=['price'])


@require_POST
def place(request: HttpRequest) -> JsonResponse:
    """Store an order, and publish it when the transaction is committed."""
    form = OrderForm(request.POST)
    if not form.is_valid():
        return JsonResponse(form.errors, status=400)
    with transaction.atomic():
        order = form.save()
        transaction.on_commit(partial(publish, order))
    return JsonResponse({'order': order.pk}, status=201)
