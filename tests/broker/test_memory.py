"""The memory that messages use, and the alarm at its limit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from coolamqp.broker.memory import ENTRY_BYTES, MESSAGE_BYTES, Memory
from coolamqp.broker.message import BrokerMessage
from coolamqp.broker.state import Limits
from coolamqp.framing.definitions import (
    BasicGet,
    BasicPublish,
    BasicReject,
    ChannelClose,
    ConnectionBlocked,
    ConnectionUnblocked,
    QueueDelete,
    QueuePurge,
    TxSelect,
)
from coolamqp.framing.frames import encode_method
from coolamqp.framing.properties import NO_PROPERTIES
from tests.broker import invariants
from tests.broker.rig import Client, Rig

KB = 1000


def message(size: int) -> BrokerMessage:
    return BrokerMessage(b'', b'', NO_PROPERTIES, bytes(size))


def test_a_message_counts_once_and_a_little_for_each_queue() -> None:
    memory, held = Memory(10_000), message(1000)
    for _ in range(3):
        memory.hold(held)
    assert memory.used == 1002 + MESSAGE_BYTES + 3 * ENTRY_BYTES

    for _ in range(3):
        memory.release(held)
    assert memory.used == 0


def test_memory_is_short_above_the_limit_until_there_is_a_fifth_of_it() -> None:
    memory = Memory(1000)
    memory.add(1000)
    assert not memory.short
    memory.add(1)
    assert [memory.short] == [True]
    memory.drop(201)
    assert [memory.short] == [True]
    memory.drop(1)
    assert [memory.short] == [False]


# The memory of the broker


@pytest.fixture
def rig() -> Rig:
    return Rig(Limits(heartbeat=0, memory_bytes_max=100 * KB))


def test_a_flood_without_consumers_blocks_its_publisher(rig: Rig, client: Client) -> None:
    client.declare('q')
    for _ in range(1000):
        client.publish(bytes(10 * KB), 'q')

    assert client.take() == [ConnectionBlocked(b'low on memory')]
    assert len(rig.ready('q')) == 10
    assert rig.state.memory.used < 120 * KB


def test_publishers_go_on_when_there_is_room(rig: Rig, client: Client) -> None:
    client.declare('q')
    consumer = rig.connect()
    for _ in range(20):
        client.publish(bytes(10 * KB), 'q')
    for count in range(2):
        assert consumer.get('q', no_ack=True) is not None
        assert len(client.received) == 1, count
    consumer.get('q', no_ack=True)

    assert client.take()[:2] == [ConnectionBlocked(b'low on memory'), ConnectionUnblocked()]
    consumer.consume('q', no_ack=True)
    assert rig.ready('q') == []
    assert rig.state.memory.used == 0
    assert not rig.state.alarm


def test_a_command_and_the_memory_each_keep_the_alarm(rig: Rig, client: Client) -> None:
    client.declare('q')
    for _ in range(10):
        client.publish(bytes(10 * KB), 'q')
    rig.core.raise_alarm('by a test')
    rig.core.clear_alarm()
    rig.run()
    assert rig.state.alarm == 'low on memory'

    rig.core.raise_alarm('by a test')
    client.call(QueuePurge('q'))
    assert rig.state.alarm == 'by a test'
    rig.core.clear_alarm()
    assert not rig.state.alarm


def test_many_small_messages_count_too(rig: Rig, client: Client) -> None:
    client.declare('q')
    for _ in range(1000):
        client.publish(b'', 'q')

    assert 100 < len(rig.ready('q')) < 200


def test_publishes_of_an_open_transaction_count(rig: Rig, client: Client) -> None:
    client.declare('q')
    client.call(TxSelect())
    for _ in range(20):
        client.publish(bytes(10 * KB), 'q')
    assert client.take() == [ConnectionBlocked(b'low on memory')]
    assert rig.state.memory.used < 120 * KB

    client.lose()
    assert rig.state.memory.used == 0


@pytest.mark.parametrize('channels', [1, 50])
def test_incomplete_messages_count(rig: Rig, channels: int) -> None:
    client = rig.connect(frame_max=4096)
    for number in range(1, channels + 1):
        if number > 1:
            client.open_channel(number)
        publish = encode_method(number, BasicPublish('', 'q', False, False))
        content = client.content(bytes(400 * KB), number)
        client.feed(publish + content[: 22 + 7 * 4096])
        if rig.state.alarm:
            break
    invariants.check(rig)
    assert rig.state.memory.used == pytest.approx(31 * KB * min(channels, 4), rel=0.05)
    client.feed(content[22 + 7 * 4096 : 22 + 8 * 4096])
    assert client.connection.session.blocked == (channels > 1)

    client.lose()
    assert rig.state.memory.used == 0
    assert not rig.state.alarm


def test_a_body_in_tiny_pieces_counts_for_what_it_takes(rig: Rig, client: Client) -> None:
    client.declare('q')
    whole = encode_method(1, BasicPublish('', 'q', False, False)) + client.content(bytes(10 * KB))
    header = whole[: -10 * KB - 8]
    client.feed(header + b'\3\0\1\0\0\0\1x\xce' * 1000)

    assert rig.state.memory.used > 200 * KB


ENDS: dict[str, Callable[[Rig, Client], object]] = {
    'ack': lambda _, client: client.ack(0, multiple=True),
    'reject': lambda _, client: client.send(BasicReject(1, False)),
    'delete': lambda _, client: client.call(QueueDelete('q')),
    'expire': lambda _, client: client.send(BasicReject(1, True)),
    'close': lambda _, client: client.call(ChannelClose()),
}


@pytest.mark.parametrize('how', list(ENDS))
def test_a_message_that_goes_counts_no_longer(rig: Rig, client: Client, how: str) -> None:
    client.declare('q', {'x-message-ttl': 1000})
    client.publish(bytes(KB), 'q')
    client.call(BasicGet('q'))
    assert rig.state.memory.used > KB
    ENDS[how](rig, client)
    rig.advance(10)

    assert rig.state.memory.used == 0


def test_unacked_messages_of_deleted_queues_are_let_go(rig: Rig, client: Client) -> None:
    for number in range(50):
        client.declare(f'q{number}')
        client.publish(bytes(10 * KB), f'q{number}')
        client.call(BasicGet(f'q{number}'))
        client.call(QueueDelete(f'q{number}'))
    (channel,) = client.connection.channels

    assert sum(entry.message.size for entry in channel.unacked.values()) == 0
    assert rig.state.memory.used == 0
    client.ack(0, multiple=True)


def test_a_restart_lets_transient_messages_go(rig: Rig, client: Client) -> None:
    client.declare('q')
    client.publish(b'transient', 'q')
    client.publish(b'persistent', 'q', delivery_mode=2)
    used = rig.state.memory.used
    client.lose()
    rig.vhost.forget_transient()

    invariants.check(rig)
    assert 0 < rig.state.memory.used < used


def test_decoded_headers_are_not_kept(rig: Rig, client: Client) -> None:
    client.declare('q')
    client.publish(b'', 'q', headers=dict.fromkeys('abc'), priority=5, delivery_mode=2)
    (entry,) = rig.entries('q')
    assert list(entry.message.headers)
    assert entry.message.persistent

    assert entry.message._decoded is None
