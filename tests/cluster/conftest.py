"""The cluster of this run, and the figures of its faults."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.figures import Figures
from tests.support.rabbitmq_cluster import RabbitMQCluster

_figures = Figures()


@pytest.fixture(scope='session')
def started_nodes() -> Iterator[RabbitMQCluster]:
    """The one cluster of RabbitMQ nodes of this run."""
    with RabbitMQCluster() as nodes:
        yield nodes


@pytest.fixture
def nodes(started_nodes: RabbitMQCluster) -> RabbitMQCluster:
    """The cluster of RabbitMQ nodes, with all nodes running and connected."""
    started_nodes.repair()
    return started_nodes


@pytest.fixture(scope='session')
def figures() -> Figures:
    """The figures of all tests, which are printed at the end of the run."""
    return _figures


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how long publishing and consuming paused in each fault."""
    if _figures.lines:
        terminalreporter.section('fail-over')
        for line in _figures.lines:
            terminalreporter.line(line)
