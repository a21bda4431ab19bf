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


def test_none_stands_for_false(channel: Any) -> None:
    channel.exchange_declare('events', 'topic', None, None, None, None)
    channel.queue_declare('jobs', None, None, None, None, None)
    channel.queue_bind('jobs', 'events', 'a.b', None)
    channel.queue_purge('jobs', None)
    channel.queue_delete('jobs', None, None, None)
    channel.exchange_delete('events', None, None)
    with pytest.raises(channel.connection.client.channel_errors):
        channel.queue_declare('jobs', True)
