"""The brokers on which the clients of others run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coolamqp.broker import Broker

# To add a broker, add the name of the fixture with its URL. The broker of that URL has a virtual
# host without queues for each test, and a user guest, with a password, who may do everything there.
BROKERS = [
    pytest.param(
        'broker_url', marks=[pytest.mark.integration, pytest.mark.rabbitmq_only], id='rabbitmq'
    ),
    pytest.param('embedded_url', id='embedded'),
]


@pytest.fixture
def embedded_url() -> Iterator[str]:
    """The address of an embedded broker for this test alone."""
    with Broker() as broker:
        yield broker.url


@pytest.fixture(params=BROKERS)
def foreign_broker_url(request: pytest.FixtureRequest) -> str:
    """The amqp:// address of a virtual host for this test alone, on each broker."""
    url: str = request.getfixturevalue(request.param)
    return url
