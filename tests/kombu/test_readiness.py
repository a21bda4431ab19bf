"""The readiness of a connection, as an event loop sees it."""

from __future__ import annotations

import selectors
from collections.abc import Iterator

import pytest

from coolamqp.kombu.readiness import Readiness


@pytest.fixture
def readiness(no_leaks: None) -> Iterator[Readiness]:
    readiness = Readiness()
    yield readiness
    readiness.close()


def test_it_is_readable_while_events_wait(readiness: Readiness) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(readiness.fileno(), selectors.EVENT_READ)
        seen = []
        for ready in (False, True, True, False, False, True):
            readiness.show(ready)
            seen.append(bool(selector.select(0)))

    assert seen == [False, True, True, False, False, True]
