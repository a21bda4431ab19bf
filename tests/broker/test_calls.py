"""What all calls of a broker have in common."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from coolamqp.broker import Broker
from tests.behaviour.client import RawConnection


@pytest.mark.parametrize('call', [Broker.queue, Broker.cancel_consumers])
def test_a_missing_queue_is_an_error_that_names_the_others(
    call: Callable[[Broker, str], object],
) -> None:
    with Broker() as broker:
        with pytest.raises(KeyError, match="no queue 'jobs' in vhost '/'; there are: none"):
            call(broker, 'jobs')

        with RawConnection(broker.url) as connection:
            connection.channel().queue('orders')
            connection.channel().queue('invoices')
            with pytest.raises(KeyError, match="there are: 'orders', 'invoices'"):
                call(broker, 'jobs')


def test_a_missing_virtual_host_is_an_error() -> None:
    with Broker() as broker, pytest.raises(KeyError, match='other'):
        broker.queue('jobs', vhost='other')
