"""What holds of the state of a broker at any time, whatever its clients have sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from coolamqp.broker.base_queue import BaseQueue
from coolamqp.broker.channel import Channel
from coolamqp.broker.channel_frames import ChannelFrames
from coolamqp.broker.delivery import Consumer, Entry
from coolamqp.broker.exchange import (
    Binding,
    DirectExchange,
    Exchange,
    HeadersExchange,
    TopicExchange,
)
from coolamqp.broker.memory import ENTRY_BYTES, MESSAGE_BYTES
from coolamqp.broker.message import BrokerMessage
from coolamqp.broker.queue import Queue
from coolamqp.broker.session import Session
from coolamqp.broker.store import DiskStore
from coolamqp.broker.stream import Stream
from coolamqp.broker.vhost import VirtualHost
from tests.broker.rig import Rig


def check(rig: Rig) -> None:
    """Check everything."""
    channels = [channel for each in rig.core.connections.values() for channel in each.channels]
    check_connections(rig)
    check_memory(rig)
    check_store(rig)
    for vhost in rig.state.vhosts.values():
        check_topology(vhost)
        for queue in vhost.queues.values():
            check_queue(rig, vhost, queue, channels)
    for channel in channels:
        check_channel(channel)
    for key, receiver in rig.state.replies.items():
        assert isinstance(receiver, Channel)
        assert receiver in channels
        assert receiver.reply_key == key


def check_connections(rig: Rig) -> None:
    """Check that nothing is left of connections that have ended, and nothing waits to be sent."""
    assert not rig.state.flushable
    assert not rig.state.outgoing
    for number, connection in rig.core.connections.items():
        client = rig.clients[number]
        assert not client.closed()
        assert not connection.session.blocked or rig.state.alarm
        for channel in connection.channels:
            assert channel.session is connection.session
    live = sum(1 for entry in rig.state.timers._heap if entry[2].callback is not None)
    queues = sum(len(vhost.queues) for vhost in rig.state.vhosts.values())
    assert live <= 2 * (queues + len(rig.core.connections))


def check_memory(rig: Rig) -> None:
    """Count the memory of all messages again."""
    held: Counter[BrokerMessage] = Counter()
    incomplete = 0
    for vhost in rig.state.vhosts.values():
        for queue in vhost.queues.values():
            if isinstance(queue, Queue):
                held.update(each.message for each in (*queue.ready, *queue.unacked.values()))
            elif isinstance(queue, Stream):
                held.update(record.message for record in queue._log)
    for connection in rig.core.connections.values():
        for frames in connection._channels.values():
            assert isinstance(frames, ChannelFrames)
            held.update(each.message for each in frames._publishing._publishes)
            incomplete += frames._incomplete
    expected = incomplete + sum(
        count * ENTRY_BYTES + MESSAGE_BYTES + len(message.body) + len(message.properties)
        for message, count in held.items()
    )
    assert all(message.holders == count for message, count in held.items())
    assert rig.state.memory.used == expected


def check_store(rig: Rig) -> None:
    """Check that a store has the messages of the queues, and the topology around them."""
    store = rig.state.store
    if not isinstance(store, DiskStore):
        return
    stored: dict[int, bytes] = {}
    queues: set[bytes] = set()
    bindings = 0
    for vhost in rig.state.vhosts.values():
        for name, queue in vhost.queues.items():
            if queue.durable and queue.owner is None:
                queues.add(name)
            entries = queue._entries.values() if isinstance(queue, Stream) else []
            if isinstance(queue, Queue):
                entries = [*queue.ready, *queue.unacked.values()]
            stored.update({entry.stored: name for entry in entries if entry.stored})
        bindings += sum(
            binding.destination.durable and getattr(binding.destination, 'owner', None) is None
            for exchange in vhost.exchanges.values()
            for binding in exchange.bindings.values()
            if exchange.durable
        )
    rows = store._database.execute
    assert dict(rows('SELECT number, queue FROM messages').fetchall()) == stored
    assert {name for (name,) in rows('SELECT name FROM queues').fetchall()} == queues
    assert rows('SELECT count(*) FROM bindings').fetchone() == (bindings,)


# Topology


def check_topology(vhost: VirtualHost) -> None:
    """Check that bindings are known at both of their ends, and lead to what exists."""
    counted: dict[Any, dict[Binding, Exchange]] = {}
    for name, exchange in vhost.exchanges.items():
        assert exchange.name == name
        for key, binding in exchange.bindings.items():
            assert binding.key == key
            target = binding.destination
            group: dict[bytes, Any] = (
                vhost.queues if isinstance(target, BaseQueue) else vhost.exchanges
            )
            assert group.get(target.name) is target
            counted.setdefault(target, {})[binding] = exchange
        check_index(exchange)
    assert vhost._incoming == counted
    assert not vhost._dead_lettering._waiting


def check_index(exchange: Exchange) -> None:
    """Check that the index of an exchange has its bindings."""
    bindings = exchange.bindings.values()
    if isinstance(exchange, DirectExchange):
        indexed = {each: key for key, found in exchange._by_key.items() for each in found}
        assert indexed == {each: each.routing_key for each in bindings}
    elif isinstance(exchange, TopicExchange):
        assert list(exchange._patterns) == list(bindings)
    elif isinstance(exchange, HeadersExchange):
        assert list(exchange._conditions) == list(bindings)


# Queues


def check_queue(rig: Rig, vhost: VirtualHost, queue: BaseQueue, channels: list[Channel]) -> None:
    """Check a queue, its messages and its consumers."""
    assert queue.vhost is vhost
    assert not queue.deleted
    if queue.owner is not None:
        assert isinstance(queue.owner, Session)
        assert queue.owner.number in rig.core.connections
        assert queue in queue.owner.exclusive_queues
    consumers = list(queue.consumers)
    assert len(consumers) == len(set(consumers))
    for consumer in consumers:
        channel = consumer.channel
        assert isinstance(channel, Channel)
        assert channel in channels
        assert channel.is_open
        assert channel.consumers[consumer.tag] is consumer
        assert consumer.queue is queue
    check_turns(queue, consumers)
    if isinstance(queue, Queue):
        check_messages(queue, channels)
    elif isinstance(queue, Stream):
        assert set(queue._readers) == set(consumers)
        assert queue._size == sum(record.message.size for record in queue._log)


def check_turns(queue: BaseQueue, consumers: list[Consumer]) -> None:
    """Check that each consumer has its turn or waits, and that none waits in vain."""
    single = queue.options.single_active_consumer
    if single:
        active = queue.consumers.active
        assert active in consumers if consumers else active is None
    elif isinstance(queue, Queue):
        waiting = Counter(consumer for consumer in consumers if not consumer.waits)
        levels = queue.consumers._levels
        assert Counter(each for level in levels.values() for each in level.takers) == waiting
        assert all(each.priority == key for key, level in levels.items() for each in level.takers)
    levels = queue.consumers._levels
    counted = Counter(consumer.priority for consumer in consumers)
    assert {priority: level.count for priority, level in levels.items()} == counted
    assert sorted(levels, reverse=True) == queue.consumers._order
    if isinstance(queue, Queue) and queue.ready.count:
        takers = [queue.consumers.active] if single else consumers
        assert not any(taker.can_take() for taker in takers if taker is not None)
    if isinstance(queue, Stream):
        for reader in queue._readers.values():
            assert reader.offset >= queue._end or not reader.consumer.can_take()


def check_messages(queue: Queue, channels: list[Channel]) -> None:
    """Count the messages of a queue again."""
    ready = list(queue.ready)
    assert queue.ready.count == len(ready)
    assert queue.ready.size == sum(entry.message.size for entry in ready)
    for level in queue.ready._levels.values():
        positions = [entry.position for entry in level]
        assert positions == sorted(set(positions))
    for entry in ready:
        assert entry.consumer is None
        assert entry.queue is queue
        assert entry.position not in queue.unacked
    unacked = {entry for each in channels for entry in held_by(each) if entry.queue is queue}
    assert set(queue.unacked.values()) == unacked


# Channels


def held_by(channel: Channel) -> Iterator[Entry]:
    """Yield the unacknowledged messages of a channel, those of an open transaction too."""
    yield from channel.unacked.values()
    for entries, _, _ in channel.uncommitted:
        yield from (entry for _, entry in entries)


def check_channel(channel: Channel) -> None:
    """Check a channel and its counts."""
    entries = list(held_by(channel))
    assert len(entries) == len(set(entries))
    assert list(channel.unacked) == sorted(channel.unacked)
    assert not channel.unacked or min(channel.unacked) > channel._settled_to
    by_consumer = Counter(entry.consumer for entry in entries if entry.consumer is not None)
    if not channel.is_open:
        assert not channel.consumers
        assert not entries
        return
    assert channel.unacked_count == sum(by_consumer.values())
    for tag, consumer in channel.consumers.items():
        assert consumer.tag == tag
        assert consumer.channel is channel
        assert consumer.unacked == by_consumer[consumer]
        assert consumer in list(consumer.queue.consumers)  # type: ignore[attr-defined]
        if consumer.prefetch:
            assert consumer.unacked <= consumer.prefetch
