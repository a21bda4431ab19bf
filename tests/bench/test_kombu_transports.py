"""The measurements of Kombu's transports give a time for each work."""

from __future__ import annotations

import pytest

from bench.kombu_transports import TRANSPORTS, WORKS, measure
from coolamqp.broker import Broker


@pytest.mark.parametrize('transport', TRANSPORTS)
@pytest.mark.parametrize('work', WORKS)
def test_each_work_is_measured(work: str, transport: str) -> None:
    with Broker() as broker:
        assert measure(work, broker.url.replace('amqp', transport, 1), count=20) > 0
