"""The pytest plugin: its command-line options and hooks. pytest loads it through an entry point."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from coolamqp.testing.fixtures import (
    BROKER,
    MARKER,
    aio_amqp_cluster,
    amqp_broker,
    amqp_cluster,
    amqp_url,
)
from coolamqp.testing.target import (
    MANAGEMENT_OPTION,
    MANAGEMENT_VARIABLE,
    URL_OPTION,
    URL_VARIABLE,
    real_broker,
)

__all__ = ['aio_amqp_cluster', 'amqp_broker', 'amqp_cluster', 'amqp_url']


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup('coolamqp', 'tests with an AMQP broker')
    group.addoption(
        URL_OPTION,
        metavar='URL',
        default='',
        help='run the tests on this RabbitMQ instead of embedded brokers; the environment variable '
        f'{URL_VARIABLE} does the same',
    )
    group.addoption(
        MANAGEMENT_OPTION,
        metavar='URL',
        default='',
        help='the address of the management plugin of this RabbitMQ, to create a virtual host for '
        f'each test; the environment variable {MANAGEMENT_VARIABLE} does the same',
    )


def pytest_configure(config: pytest.Config) -> None:
    """Add the marker."""
    config.addinivalue_line(
        'markers',
        f'{MARKER}(**options): options for the embedded broker of a test, '
        'such as heartbeat=1; see coolamqp.broker.Broker',
    )


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Return a line that names the RabbitMQ of this run; nothing for embedded brokers."""
    real = real_broker(config)
    if real is None:
        return []
    vhosts = 'a virtual host for each test' if real.management_url else 'one virtual host for all'
    return [f'amqp: {real}, {vhosts}']


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """End all faults before the fixtures end, so that the services of the test can shut down."""
    broker = item.stash.get(BROKER, None)
    if broker is not None and broker.is_running:
        broker.heal()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the state of the broker and its last frames to the report of a failing test."""
    report = yield
    broker = item.stash.get(BROKER, None)
    if report.failed and broker is not None and broker.is_running:
        from coolamqp.testing.report import TITLE, describe_broker  # noqa: PLC0415 - few need it

        report.sections.append((TITLE, describe_broker(broker)))
    return report
