"""Consumers: when they can take a message."""

from __future__ import annotations

import pytest

from coolamqp.broker.delivery import Consumer, Entry
from coolamqp.broker.message import BrokerMessage
from coolamqp.framing.properties import NO_PROPERTIES
from tests.broker.rig import Rig
from tests.broker.test_consumers import OneChannel


@pytest.fixture
def channel() -> OneChannel:
    return OneChannel()


def consumer(rig: Rig, channel: OneChannel, *, no_ack: bool = False, prefetch: int = 0) -> Consumer:
    rig.connect().declare('q')
    return Consumer(
        channel,
        rig.queue('q'),
        b'tag',
        {},
        no_ack=no_ack,
        exclusive=False,
        prefetch=prefetch,
        priority=0,
    )


def test_a_consumer_has_a_prefetch_count_of_its_own(rig: Rig, channel: OneChannel) -> None:
    limited = consumer(rig, channel, prefetch=2)
    limited.unacked = 1
    assert limited.can_take()

    limited.unacked = 2
    assert not limited.can_take()


def test_a_consumer_shares_the_prefetch_count_of_its_channel(rig: Rig, channel: OneChannel) -> None:
    limited = consumer(rig, channel)
    channel.prefetch, channel.unacked_count = 5, 4
    assert limited.can_take()

    channel.unacked_count = 5
    assert not limited.can_take()


def test_a_prefetch_count_is_nothing_to_a_consumer_without_acks(
    rig: Rig, channel: OneChannel
) -> None:
    free = consumer(rig, channel, no_ack=True, prefetch=1)
    free.unacked, channel.prefetch, channel.unacked_count = 1, 1, 1
    assert free.can_take()

    channel.takes = False
    assert not free.can_take()


@pytest.mark.parametrize('no_ack', [False, True])
def test_a_delivery_is_unacked_unless_there_are_no_acks(
    rig: Rig, channel: OneChannel, no_ack: bool
) -> None:
    receiver = consumer(rig, channel, no_ack=no_ack)
    entry = Entry(BrokerMessage(b'', b'', NO_PROPERTIES, b''), rig.queue('q'), 1)
    receiver.deliver(entry)

    assert entry.consumer is receiver
    assert receiver.unacked == (not no_ack)
