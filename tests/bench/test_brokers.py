"""The measurements of brokers give figures for each."""

from __future__ import annotations

import os

from bench.brokers import measure
from coolamqp.broker import Broker


def test_a_broker_is_measured() -> None:
    with Broker() as broker:
        figures = measure(broker.url, [os.getpid()], count=2_000)

    assert figures.rate > 0
    assert figures.cpu >= 0
    assert 0 < figures.median <= figures.worst
