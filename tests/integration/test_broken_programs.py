"""What a program does wrong with what it gives us costs it no more than that."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from coolamqp.attaches import Consumer
from coolamqp.clustering import Cluster
from coolamqp.objects import Queue
from tests.conftest import MakeCluster
from tests.integration.support import PATIENCE, Collector, Signals, confirmed

pytestmark = pytest.mark.integration


class BrokenHandler(logging.Handler):
    """A handler of the log that raises, as one does whose disk is full."""

    def emit(self, record: logging.LogRecord) -> None:
        raise OSError('no space left on device')


@pytest.fixture
def _broken_log() -> Iterator[None]:
    handler = BrokenHandler()
    logger = logging.getLogger('coolamqp')
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield
    logger.removeHandler(handler)
    logger.setLevel(level)


@pytest.mark.usefixtures('_broken_log')
def test_a_log_that_raises_costs_neither_connection_nor_message(
    make_cluster: MakeCluster,
) -> None:
    cluster = make_cluster()
    cluster.start()

    def fail(_message: object) -> None:
        raise ValueError('which is logged')

    collector = Collector()
    cluster.consume(Queue('broken'), fail)[1].result(PATIENCE)
    cluster.consume(Queue('fine'), collector)[1].result(PATIENCE)
    for name in ('broken', 'fine'):
        confirmed(cluster, b'x', name).result(PATIENCE)

    collector.wait_for(1)
    assert cluster.connected


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
