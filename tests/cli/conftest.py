"""The command with an embedded broker in the process of the test, or the broker of the suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coolamqp.broker import Broker
from tests.cli.command import Command


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as broker:
        yield broker


@pytest.fixture
def coolamqp(broker: Broker, tmp_path: Path) -> Command:
    """The command, with the embedded broker."""
    return Command(broker.url, tmp_path / 'config')


@pytest.fixture
def alone(tmp_path: Path) -> Command:
    """The command, without an address of a broker."""
    return Command(None, tmp_path / 'config')


@pytest.fixture
def on_suite_broker(broker_url: str, tmp_path: Path) -> Command:
    """The command, with the broker of the suite, which may be RabbitMQ."""
    return Command(broker_url, tmp_path / 'config')
