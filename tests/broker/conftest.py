"""What the tests of the embedded broker may ask for."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.broker.rig import Client, Rig

settings.register_profile('broker', deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('broker')


@pytest.fixture(autouse=True)
def no_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which the broker logs an error: each one is a fault of the broker."""
    yield
    records = [*caplog.get_records('setup'), *caplog.get_records('call')]
    errors = [each for each in records if each.levelno >= logging.ERROR]
    assert not errors, '\n'.join(f'{each.getMessage()}\n{each.exc_text or ""}' for each in errors)


@pytest.fixture
def rig() -> Rig:
    """A broker in memory with a manual clock."""
    return Rig()


@pytest.fixture
def client(rig: Rig) -> Client:
    """A client that is connected, with channel 1 open."""
    return rig.connect()
