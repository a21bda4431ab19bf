"""A future of the program that cannot be ended costs the program no more than that."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from coolamqp.attaches import Consumer
from coolamqp.clustering import Cluster
from coolamqp.objects import Queue
from tests.integration.support import PATIENCE, Signals, confirmed

pytestmark = pytest.mark.integration


class BrokenFuture(Future[Any]):
    """A future of the program's that cannot be ended."""

    def set_result(self, result: Any) -> None:
        raise RuntimeError('not today')


def test_a_future_of_the_program_that_raises_costs_no_other(cluster: Cluster) -> None:
    cluster.declare(Queue('q')).result(PATIENCE)
    told = Signals()
    consumer = Consumer(Queue('q'), told, future_to_notify=BrokenFuture())
    cluster.add_consumer(consumer)

    confirmed(cluster, b'x', 'q').result(PATIENCE)

    told.wait_for(1)
    assert cluster.connected


def test_a_future_that_the_program_has_cancelled_costs_no_other(cluster: Cluster) -> None:
    future: Future[Any] = Future()
    future.cancel()
    cluster.add_consumer(Consumer(Queue('q'), Signals(), future_to_notify=future))

    confirmed(cluster, b'x', 'nowhere').result(PATIENCE)
    cluster.declare(Queue('other')).result(PATIENCE)
