"""The faults of a broker on the wire, as any client sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from coolamqp.broker import Broker
from coolamqp.framing.definitions import (
    BasicAck,
    BasicCancel,
    BasicNack,
    ConnectionBlocked,
    ConnectionUnblocked,
)
from coolamqp.reply_codes import CONNECTION_FORCED, RESOURCE_LOCKED
from tests.behaviour.client import RawChannel, RawConnection
from tests.behaviour.wire import BrokerSilent, Disconnected

MOMENT = 0.05  # seconds, for what must not come


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as broker:
        yield broker


@pytest.fixture
def connection(broker: Broker) -> Iterator[RawConnection]:
    with RawConnection(broker.url) as connection:
        yield connection
        broker.heal()


@pytest.fixture
def channel(connection: RawConnection) -> RawChannel:
    channel = connection.channel()
    channel.queue('jobs')
    return channel


def expect_silence(channel: RawChannel) -> None:
    with pytest.raises(BrokerSilent):
        channel.next(timeout=MOMENT)


class TestTheNetwork:
    def test_connections_are_reset(self, broker: Broker) -> None:
        first, second = RawConnection(broker.url), RawConnection(broker.url)

        assert broker.drop_connections() == 2

        for connection in (first, second):
            with pytest.raises(Disconnected, match='reset'):
                connection.read()
            connection.close()
        broker.wait_until(lambda: not broker.connections)

    def test_new_connections_are_refused_and_old_ones_stay(
        self, broker: Broker, channel: RawChannel
    ) -> None:
        broker.refuse()

        with pytest.raises((ConnectionResetError, Disconnected)):
            RawConnection(broker.url)
        channel.expect_nothing('jobs')

        broker.refuse(False)
        RawConnection(broker.url).close()

    def test_a_frozen_broker_neither_reads_nor_writes(
        self, broker: Broker, channel: RawChannel
    ) -> None:
        channel.confirm()
        broker.freeze()

        channel.publish(b'one', routing_key='jobs')

        expect_silence(channel)
        assert broker.published == []

    def test_a_thawed_broker_does_what_it_has_missed(
        self, broker: Broker, channel: RawChannel
    ) -> None:
        channel.confirm()
        broker.freeze()
        channel.publish(b'one', routing_key='jobs')

        broker.thaw()

        channel.expect(BasicAck)
        assert broker.queue('jobs').bodies == [b'one']

    def test_a_slow_network_brings_everything_late(
        self, broker: Broker, channel: RawChannel
    ) -> None:
        channel.put('jobs', b'x' * 5000)

        with broker.slow(1):
            channel.consume('jobs', no_ack=True)
            expect_silence(channel)

        assert channel.next_message().body == b'x' * 5000

    def test_a_slow_network_loses_nothing(self, broker: Broker, channel: RawChannel) -> None:
        bodies = [bytes([number]) * 500 for number in range(20)]
        channel.put('jobs', *bodies)

        with broker.slow(100_000):
            channel.consume('jobs', no_ack=True)
            assert channel.next_bodies(len(bodies)) == bodies


class TestConnectionsAndChannels:
    def test_connections_are_closed_with_320(
        self, broker: Broker, connection: RawConnection
    ) -> None:
        broker.close_connections('maintenance')

        code, text = connection.expect_close()
        assert code == CONNECTION_FORCED
        assert 'maintenance' in text

    def test_channels_are_closed_with_any_code(
        self, broker: Broker, connection: RawConnection, channel: RawChannel
    ) -> None:
        channel.put('jobs', b'one')
        channel.consume('jobs')
        assert channel.next_message().body == b'one'

        broker.close_channels(RESOURCE_LOCKED, 'somebody has it')

        assert channel.expect_close()[0] == RESOURCE_LOCKED
        assert broker.queue('jobs').bodies == [b'one']
        connection.channel().expect_nothing()

    def test_consumers_are_cancelled(self, broker: Broker, channel: RawChannel) -> None:
        channel.consume('jobs', 'mine')

        assert broker.cancel_consumers('jobs') == 1

        assert channel.expect(BasicCancel).consumer_tag == b'mine'
        channel.put('jobs', b'one')
        channel.expect_nothing('jobs')


class TestPublishing:
    def test_a_publisher_is_blocked_and_unblocked(
        self, broker: Broker, connection: RawConnection, channel: RawChannel
    ) -> None:
        broker.block('low on disk')
        channel.publish(b'one', routing_key='jobs')
        assert connection.expect(ConnectionBlocked).reason == b'low on disk'
        channel.publish(b'two', routing_key='jobs')
        expect_silence(channel)
        assert b'two' not in broker.queue('jobs').bodies

        broker.unblock()

        connection.expect(ConnectionUnblocked)
        broker.wait_until(lambda: len(broker.queue('jobs')) == 2)
        assert broker.queue('jobs').bodies == [b'one', b'two']

    def test_publications_are_refused(self, broker: Broker, channel: RawChannel) -> None:
        channel.confirm()
        broker.nack_next(2)

        for body in (b'one', b'two', b'three'):
            channel.publish(body, routing_key='jobs')

        answers = [channel.next() for _ in range(3)]
        assert [type(answer) for answer in answers].count(BasicNack) == 2
        assert broker.queue('jobs').bodies == [b'three']
        assert [message.body for message in broker.published] == [b'one', b'two', b'three']

    def test_a_confirm_is_lost_and_the_message_is_not(
        self, broker: Broker, channel: RawChannel
    ) -> None:
        channel.confirm()
        broker.lose_next_confirm()

        channel.publish(b'one', routing_key='jobs')
        channel.publish(b'two', routing_key='jobs')

        ack = channel.expect(BasicAck)
        assert (ack.delivery_tag, ack.multiple) == (2, False)
        assert broker.queue('jobs').bodies == [b'one', b'two']

    def test_publications_without_confirms_are_never_refused(
        self, broker: Broker, channel: RawChannel
    ) -> None:
        broker.nack_next()

        channel.publish(b'one', routing_key='jobs')
        channel.expect_nothing('jobs')

        assert broker.queue('jobs').bodies == [b'one']
        assert broker.faults == ['publications to refuse: 1']


class TestFaults:
    def test_there_are_none_at_first(self, broker: Broker) -> None:
        assert broker.faults == []

    def test_those_that_are_on_are_listed_until_they_end(self, broker: Broker) -> None:
        broker.freeze()
        broker.refuse()
        broker.block('low on disk')
        broker.nack_next(2)
        broker.lose_next_confirm(3)
        with broker.slow(1000):
            assert broker.faults == [
                'frozen',
                'refuses connections',
                'sends 1000 bytes a second',
                'publishers are blocked: low on disk',
                'publications to refuse: 2',
                'confirms to lose: 3',
            ]

            broker.heal()

            assert broker.faults == []

    @pytest.mark.parametrize('fault', [Broker.freeze, Broker.block])
    def test_clients_go_on_when_all_faults_end(
        self, broker: Broker, channel: RawChannel, fault: Callable[[Broker], None]
    ) -> None:
        channel.confirm()
        fault(broker)
        channel.publish(b'one', routing_key='jobs')
        channel.publish(b'two', routing_key='jobs')

        broker.heal()

        channel.await_acks()
