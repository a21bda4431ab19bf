"""A restart of the broker: what is there again, and what is gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from coolamqp.framing.definitions import BasicGet, ExchangeDeclare, QueueDeclare
from tests.behaviour.brokers import BrokerUnderTest
from tests.behaviour.client import RawChannel, RawConnection, eventually
from tests.behaviour.conftest import Vhosts
from tests.behaviour.test_dead_lettering import DEAD, deaths
from tests.behaviour.texts import missing_exchange
from tests.behaviour.wire import Refused

PERSISTENT, TRANSIENT = 2, 1


def declare(channel: RawChannel) -> None:
    """Declare queues, exchanges and bindings of all kinds."""
    channel.queue('durable', {'x-max-length': 10})
    channel.queue('priorities', {'x-max-priority': 5})
    channel.call(QueueDeclare('transient'))
    channel.call(QueueDeclare('exclusive', durable=True, exclusive=True))
    channel.call(QueueDeclare('auto-delete', durable=True, auto_delete=True))
    channel.queue('dead')
    channel.queue('dying', DEAD)
    channel.queue('by policy')
    channel.queue('quorum', {'x-queue-type': 'quorum'})
    channel.queue('stream', {'x-queue-type': 'stream'})
    channel.exchange('durable', 'topic', {'alternate-exchange': 'amq.fanout'})
    channel.call(ExchangeDeclare('transient', 'fanout'))
    channel.bind('durable', 'durable', 'to.*')
    channel.bind('durable', 'transient')
    channel.bind('transient', 'amq.direct', 'to transient')
    channel.bind('durable', 'amq.headers', '', {'x-match': 'any', 'a': 1})
    channel.bind_exchange('durable', 'amq.direct', 'to.durable')


def fill(channel: RawChannel) -> None:
    """Put messages into the queues."""
    channel.put('durable', b'1', delivery_mode=PERSISTENT, headers={'a': [1]}, message_id='id')
    channel.put('durable', b'2', delivery_mode=TRANSIENT)
    channel.put('durable', b'3')
    channel.put('durable', b'4', b'5', delivery_mode=PERSISTENT)
    channel.ack(channel.must_get('durable').tag)
    channel.must_get('durable')
    for body, priority in ((b'low', 1), (b'high', 5)):
        channel.put('priorities', body, delivery_mode=PERSISTENT, priority=priority)
    channel.put('dying', b'dead', delivery_mode=PERSISTENT)
    channel.reject(channel.must_get('dying').tag)
    eventually(lambda: channel.count('dead') == 1, 'a dead letter')
    for queue in ('quorum', 'stream'):
        channel.put(queue, b'1', delivery_mode=TRANSIENT)
        channel.put(queue, b'2', delivery_mode=PERSISTENT)


@pytest.fixture(scope='module')
def vhost(broker: BrokerUnderTest, vhosts: Vhosts) -> str:
    """A virtual host with contents, after the one restart of this module."""
    if broker.kind == 'embedded':
        pytest.skip('this broker keeps nothing')
    name = vhosts.take()
    broker.add_user(f'{name}-user', 'secret', name, read='^durable')
    broker.set_policy(name, 'p', '^by policy', {'max-length': 1})
    connection = RawConnection(broker.url(name))
    channel = connection.channel()
    declare(channel)
    fill(channel)
    broker.restart()
    assert connection.expect_close()[0] == 320
    connection.close()
    return name


@pytest.fixture
def connection(broker: BrokerUnderTest, vhost: str) -> Iterator[RawConnection]:
    with RawConnection(broker.url(vhost)) as connection:
        yield connection


def test_persistent_messages_of_a_durable_queue(channel: RawChannel) -> None:
    assert channel.state('durable').message_count == 2

    channel.queue('durable', {'x-max-length': 10})
    messages = [channel.must_get('durable', no_ack=True) for _ in range(2)]

    assert [message.body for message in messages] == [b'4', b'5']


def test_priorities(channel: RawChannel) -> None:
    assert channel.bodies('priorities') == [b'high', b'low']


@pytest.mark.parametrize('queue', ['transient', 'exclusive'])
def test_queues_that_are_gone(channel: RawChannel, queue: str) -> None:
    assert channel.refused(QueueDeclare(queue, passive=True))[0] == 404


def test_a_durable_auto_delete_queue_without_a_consumer(channel: RawChannel) -> None:
    assert channel.state('auto-delete').queue == b'auto-delete'


def test_the_history_of_a_dead_letter(channel: RawChannel) -> None:
    message = channel.must_get('dead')

    (death,) = deaths(message)
    assert (death['queue'], death['reason'], death['count']) == ('dying', 'rejected', 1)


def test_an_exchange_with_its_arguments(channel: RawChannel) -> None:
    channel.exchange('durable', 'topic', {'alternate-exchange': 'amq.fanout'})


def test_a_transient_exchange(broker: BrokerUnderTest, channel: RawChannel, vhost: str) -> None:
    # The store of RabbitMQ 4.3 keeps all exchanges, with their bindings.
    if broker.version < (4, 3):
        assert channel.refused(ExchangeDeclare('transient', passive=True)) == missing_exchange(
            'transient', vhost
        )
    else:
        channel.bodies('durable')
        channel.put('', b'body', exchange='transient')
        assert channel.bodies('durable') == [b'body']


@pytest.mark.parametrize(
    ('exchange', 'key', 'headers'),
    [
        ('durable', 'to.it', None),
        ('amq.direct', 'to.durable', None),
        ('amq.headers', '', {'a': 1}),
    ],
)
def test_bindings(channel: RawChannel, exchange: str, key: str, headers: Any) -> None:
    channel.bodies('durable')

    channel.put(key, b'body', exchange=exchange, headers=headers)

    assert channel.bodies('durable') == [b'body']


def test_bindings_of_what_is_gone(channel: RawChannel) -> None:
    channel.publish(b'body', 'amq.direct', 'to transient', mandatory=True)

    assert channel.expect_return().body == b'body'


def test_a_policy(channel: RawChannel) -> None:
    channel.put('by policy', b'1', b'2')

    assert channel.bodies('by policy') == [b'2']


def test_users_and_permissions(broker: BrokerUnderTest, vhost: str) -> None:
    with RawConnection(broker.url(vhost, f'{vhost}-user', 'secret')) as connection:
        channel = connection.channel()
        channel.get('durable')
        assert connection.channel().refused(BasicGet('dead'))[0] == 403


def test_a_quorum_queue_keeps_transient_messages(channel: RawChannel) -> None:
    assert [channel.await_get('quorum', no_ack=True).body for _ in range(2)] == [b'1', b'2']


def test_a_stream_keeps_transient_messages_and_offsets(connection: RawConnection) -> None:
    # RabbitMQ refuses consumers until the stream has started.
    def start_consumer() -> RawChannel | None:
        channel = connection.channel()
        channel.qos(10)
        try:
            channel.consume('stream', arguments={'x-stream-offset': 'first'})
        except Refused:
            return None
        return channel

    channel: RawChannel = eventually(start_consumer, 'the stream has started')
    assert channel.next_bodies(2) == [b'1', b'2']

    channel.put('stream', b'3')

    assert channel.next_message().headers['x-stream-offset'] == 2
