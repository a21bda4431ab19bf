"""Declarations, bindings and transactions, with CoolAMQP and with py-amqp."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kombu.conftest import get, publish

pytestmark = pytest.mark.integration


def test_transactions(channel: Any, queue: Any) -> None:
    channel.tx_select()
    publish(channel, queue, 'no')
    channel.tx_rollback()
    publish(channel, queue, 'yes')
    channel.tx_commit()

    assert get(queue).payload == 'yes'
    assert queue.get() is None
