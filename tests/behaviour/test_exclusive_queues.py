"""Exclusive queues: who may use them, and when they end."""

from __future__ import annotations

import pytest

from coolamqp.framing.definitions import (
    BasicConsume,
    BasicGet,
    QueueBind,
    QueueDeclare,
    QueueDeclareOk,
    QueueDelete,
    QueuePurge,
)
from coolamqp.framing.method import Method
from tests.behaviour.client import RawChannel, RawConnection, eventually
from tests.behaviour.texts import (
    locked,
    missing_queue,
)


@pytest.mark.parametrize(
    'method',
    [
        QueueDeclare('q', exclusive=True),
        QueueDeclare('q'),
        QueueDeclare('q', passive=True),
        QueueDelete('q'),
        QueuePurge('q'),
        QueueBind('q', 'amq.direct', 'key'),
        BasicConsume('q'),
        BasicGet('q'),
    ],
    ids=lambda method: str(method.NAME),
)
def test_an_exclusive_queue_is_locked_for_other_connections(
    channel: RawChannel, other_channel: RawChannel, vhost: str, method: Method
) -> None:
    channel.call(QueueDeclare('q', exclusive=True))

    assert other_channel.refused(method) == locked('q', vhost)


def test_other_channels_of_the_connection_may_use_an_exclusive_queue(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.call(QueueDeclare('q', exclusive=True))
    second = connection.channel()

    assert second.call(QueueDeclare('q', exclusive=True)) == QueueDeclareOk(b'q', 0, 0)
    second.consume('q')


def test_others_may_publish_to_an_exclusive_queue(
    channel: RawChannel, other_channel: RawChannel
) -> None:
    channel.call(QueueDeclare('q', exclusive=True))
    channel.consume('q')
    other_channel.publish(b'from outside', routing_key='q')

    assert channel.next_message().body == b'from outside'


def test_the_owner_cannot_declare_it_as_not_exclusive(channel: RawChannel, vhost: str) -> None:
    channel.call(QueueDeclare('q', exclusive=True))

    assert channel.refused(QueueDeclare('q')) == locked('q', vhost)


def test_a_shared_queue_cannot_be_declared_as_exclusive(channel: RawChannel, vhost: str) -> None:
    channel.queue('q')

    assert channel.refused(QueueDeclare('q', durable=True, exclusive=True)) == locked('q', vhost)


@pytest.mark.parametrize('durable', [False, True])
def test_an_exclusive_queue_ends_with_its_connection(
    other_connection: RawConnection, channel: RawChannel, vhost: str, durable: bool
) -> None:
    other_connection.channel().call(QueueDeclare('q', exclusive=True, durable=durable))

    other_connection.close()

    assert channel.refused(QueueDeclare('q', passive=True)) == missing_queue('q', vhost)


def test_an_exclusive_queue_ends_with_a_cut_connection(
    other_connection: RawConnection, connection: RawConnection, channel: RawChannel
) -> None:
    other_connection.channel().call(QueueDeclare('q', exclusive=True))
    other_connection.abort()

    def gone() -> bool:
        return connection.channel().refused(QueueDeclare('q', passive=True))[0] == 404

    eventually(gone, 'the end of the queue')


def test_an_exclusive_queue_outlives_its_channel(
    connection: RawConnection, channel: RawChannel
) -> None:
    connection.channel().call(QueueDeclare('q', exclusive=True))
    second = connection.channel()
    second.call(QueueDeclare('other', exclusive=True))
    second.close()

    assert channel.state('q').queue == b'q'
    assert channel.state('other').queue == b'other'
