"""pytest in other processes, as a user has it."""

from __future__ import annotations

import pytest


@pytest.fixture
def plain_pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty folder for a suite, with nothing of ours in the environment."""
    for name in ('AMQP_TEST_URL', 'AMQP_TEST_MANAGEMENT_URL'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('PYTEST_ADDOPTS', '-p no:asyncio -p no:anyio')
    return pytester
