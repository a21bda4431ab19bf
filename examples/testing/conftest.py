"""The services, started for a test and stopped after it."""

from collections.abc import Iterator

import pytest

from billing import Billing, Shop


@pytest.fixture
def shop(amqp_url: str) -> Iterator[Shop]:
    """The shop."""
    with Shop(amqp_url) as shop:
        yield shop


@pytest.fixture
def billing(amqp_url: str) -> Iterator[Billing]:
    """The billing service."""
    with Billing(amqp_url) as billing:
        yield billing
