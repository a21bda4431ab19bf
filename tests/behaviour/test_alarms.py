"""The memory alarm: who is blocked, and who is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coolamqp.framing.definitions import ConnectionBlocked, ConnectionUnblocked
from tests.behaviour.brokers import BrokerUnderTest
from tests.behaviour.client import CAPABILITIES, RawChannel, RawConnection
from tests.behaviour.conftest import Connect


@pytest.fixture(autouse=True)
def end_of_the_alarm(broker: BrokerUnderTest, connect: Connect) -> Iterator[None]:
    """Clear the alarm after each test, before its connections are closed."""
    yield
    broker.set_memory_alarm(False)


def test_a_publishing_connection_is_told(
    broker: BrokerUnderTest, connection: RawConnection, channel: RawChannel
) -> None:
    channel.put(channel.queue('q'), b'before')
    broker.set_memory_alarm(True)
    channel.publish(b'during', routing_key='q')

    assert connection.expect(ConnectionBlocked) == ConnectionBlocked(b'low on memory')
    broker.set_memory_alarm(False)

    assert connection.expect(ConnectionUnblocked) == ConnectionUnblocked()
    assert channel.must_get('q').body == b'before'
    assert channel.await_get('q').body == b'during'


def test_a_connection_is_told_that_publishes_during_the_alarm(
    broker: BrokerUnderTest, connection: RawConnection, channel: RawChannel
) -> None:
    channel.queue('q')
    broker.set_memory_alarm(True)

    channel.publish(b'first', routing_key='q')

    assert connection.expect(ConnectionBlocked) == ConnectionBlocked(b'low on memory')


def test_a_connection_without_the_capability_is_not_told(
    broker: BrokerUnderTest, connect: Connect, connection: RawConnection, channel: RawChannel
) -> None:
    quiet = connect(capabilities={**CAPABILITIES, 'connection.blocked': False})
    channel.queue('q')
    broker.set_memory_alarm(True)
    for each in (quiet.channel(), channel):
        each.publish(b'body', routing_key='q')
    connection.expect(ConnectionBlocked)

    broker.set_memory_alarm(False)

    connection.expect(ConnectionUnblocked)
    quiet.expect_nothing()


def test_a_connection_that_only_consumes_is_not_blocked(
    broker: BrokerUnderTest, other_channel: RawChannel, other_connection: RawConnection
) -> None:
    other_channel.queue('q')
    broker.set_memory_alarm(True)

    other_channel.consume('q')
    assert other_channel.count('q') == 0

    other_connection.expect_nothing()


def test_deliveries_go_on(
    broker: BrokerUnderTest, channel: RawChannel, other_channel: RawChannel
) -> None:
    channel.put(channel.queue('q'), b'1', b'2')
    broker.set_memory_alarm(True)

    other_channel.qos(1)
    other_channel.consume('q')
    message = other_channel.next_message()
    other_channel.ack(message.tag)

    assert other_channel.next_message().body == b'2'
