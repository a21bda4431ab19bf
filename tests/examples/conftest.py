"""What the examples run on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coolamqp.broker import Broker


@pytest.fixture
def broker() -> Iterator[Broker]:
    """An embedded broker, which the test can inspect and disturb."""
    with Broker() as broker:
        yield broker
