"""Limits of unacknowledged deliveries: per consumer, per channel."""

from __future__ import annotations

import pytest

from coolamqp.framing.definitions import BasicQos, BasicQosOk
from tests.behaviour.brokers import BrokerUnderTest
from tests.behaviour.client import RawChannel, RawConnection
from tests.behaviour.texts import not_implemented

BODIES = tuple(str(number).encode() for number in range(10))
SHARED_UNTIL = (4, 3)


@pytest.fixture
def limit_of_channel(broker: BrokerUnderTest) -> None:
    """Skip a test of a limit that all consumers of a channel share, if there is none."""
    if broker.version >= SHARED_UNTIL:
        pytest.skip('this version takes the limit of a channel as one of each consumer')


def test_qos_is_answered(channel: RawChannel) -> None:
    assert channel.call(BasicQos(0, 1, global_=False)) == BasicQosOk()
    assert channel.call(BasicQos(0, 65535, global_=True)) == BasicQosOk()


def test_a_limit_in_bytes_is_not_implemented(channel: RawChannel) -> None:
    assert channel.refused(BasicQos(1, 0)) == not_implemented('prefetch_size!=0 (1)')


def test_a_consumer_gets_no_more_than_its_limit(channel: RawChannel) -> None:
    channel.put(channel.queue('q'), *BODIES)
    channel.qos(3)
    channel.consume('q')

    assert channel.next_bodies(3) == [b'0', b'1', b'2']
    channel.expect_nothing('q')
    channel.ack(2)
    assert channel.next_bodies(1) == [b'3']
    channel.expect_nothing('q')
    channel.ack(0, multiple=True)
    assert channel.next_bodies(3) == [b'4', b'5', b'6']
    channel.expect_nothing('q')


def test_no_limit(channel: RawChannel) -> None:
    channel.put(channel.queue('q'), *BODIES)
    channel.qos(1)
    channel.qos(0)

    channel.consume('q')

    assert channel.next_bodies(10) == list(BODIES)


def test_each_consumer_has_the_limit_of_its_start(channel: RawChannel) -> None:
    channel.put(channel.queue('a'), *BODIES)
    channel.put(channel.queue('b'), *BODIES)
    channel.qos(2)
    channel.consume('a')
    assert channel.next_bodies(2) == [b'0', b'1']

    channel.qos(4)
    channel.consume('b')

    assert channel.next_bodies(4) == [b'0', b'1', b'2', b'3']
    channel.expect_nothing('a', 'b')


def test_a_limit_does_not_concern_running_consumers(channel: RawChannel) -> None:
    channel.put(channel.queue('q'), *BODIES)
    channel.qos(2)
    channel.consume('q')
    channel.next_messages(2)

    channel.qos(5)

    channel.expect_nothing('q')
    channel.ack(2, multiple=True)
    channel.next_messages(2)
    channel.expect_nothing('q')


def test_a_limit_does_not_concern_consumers_without_acknowledgements(channel: RawChannel) -> None:
    channel.put(channel.queue('q'), *BODIES)
    channel.qos(1)

    channel.consume('q', no_ack=True)

    assert channel.next_bodies(10) == list(BODIES)


def test_a_limit_does_not_concern_get(channel: RawChannel) -> None:
    channel.put(channel.queue('q'), *BODIES)
    channel.qos(1)
    channel.qos(1, global_=True)

    for body in BODIES:
        assert channel.must_get('q').body == body


def test_a_limit_is_that_of_its_channel(connection: RawConnection, channel: RawChannel) -> None:
    channel.put(channel.queue('q'), *BODIES)
    channel.qos(1)
    second = connection.channel()

    second.consume('q')

    second.next_messages(10)


@pytest.mark.usefixtures('limit_of_channel')
def test_consumers_share_the_limit_of_the_channel(channel: RawChannel) -> None:
    channel.queue('a')
    channel.queue('b')
    channel.qos(3, global_=True)
    channel.consume('a', 'a')
    channel.consume('b', 'b')
    channel.put('a', *BODIES[:2])
    channel.next_messages(2)

    channel.put('b', *BODIES[:2])

    assert channel.next_message().method.consumer_tag == b'b'
    channel.expect_nothing('a', 'b')
    channel.ack(1)
    assert channel.next_message().method.consumer_tag == b'b'


@pytest.mark.usefixtures('limit_of_channel')
def test_the_limit_of_the_channel_concerns_running_consumers(channel: RawChannel) -> None:
    channel.put(channel.queue('q'), *BODIES)
    channel.qos(2, global_=True)
    channel.consume('q')
    channel.next_messages(2)
    channel.expect_nothing('q')

    channel.qos(4, global_=True)

    channel.next_messages(2)
    channel.expect_nothing('q')


@pytest.mark.usefixtures('limit_of_channel')
def test_lifting_the_limit_of_the_channel(channel: RawChannel) -> None:
    channel.put(channel.queue('q'), *BODIES)
    channel.qos(1, global_=True)
    channel.consume('q')
    channel.next_message()

    channel.qos(0, global_=True)

    assert channel.next_bodies(9) == list(BODIES[1:])


@pytest.mark.usefixtures('limit_of_channel')
def test_both_limits_hold(channel: RawChannel) -> None:
    channel.put(channel.queue('a'), *BODIES)
    channel.put(channel.queue('b'), *BODIES)
    channel.qos(2)
    channel.qos(3, global_=True)
    channel.consume('a', 'a')
    channel.next_messages(2)
    channel.expect_nothing('a')

    channel.consume('b', 'b')

    assert channel.next_message().method.consumer_tag == b'b'
    channel.expect_nothing('a', 'b')


def test_later_versions_take_the_limit_of_the_channel_as_one_of_each_consumer(
    broker: BrokerUnderTest, channel: RawChannel
) -> None:
    if broker.version < SHARED_UNTIL:
        pytest.skip('this version has a limit that all consumers of a channel share')
    channel.put(channel.queue('q'), *BODIES)
    channel.qos(2, global_=True)

    channel.consume('q', 'a')
    assert channel.next_bodies(2) == [b'0', b'1']
    channel.consume('q', 'b')

    assert channel.next_bodies(2) == [b'2', b'3']
    channel.expect_nothing('q')


def test_rejecting_makes_room(channel: RawChannel) -> None:
    channel.put(channel.queue('q'), *BODIES)
    channel.qos(1)
    channel.consume('q')
    channel.reject(channel.next_message().tag)

    message = channel.next_message()

    assert message.body == b'1'
    channel.nack(message.tag, requeue=True)
    assert channel.next_message().body == b'1'


def test_what_a_cancelled_consumer_holds_does_not_count_for_another(channel: RawChannel) -> None:
    channel.put(channel.queue('q'), *BODIES)
    channel.qos(2)
    channel.consume('q', 'first')
    channel.next_messages(2)
    channel.cancel('first')

    channel.consume('q', 'second')

    assert channel.next_bodies(2) == [b'2', b'3']
    channel.expect_nothing('q')
