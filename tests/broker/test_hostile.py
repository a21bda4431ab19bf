"""Clients that want to bring the broker down, or to use up its memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from coolamqp.broker.exchange import TopicExchange
from coolamqp.broker.vhost import PREDECLARED
from coolamqp.framing.definitions import (
    BasicAck,
    BasicConsume,
    BasicGet,
    BasicPublish,
    BasicQos,
    BasicRecover,
    BasicReject,
    ExchangeBind,
    QueueBind,
    QueueDeclare,
    QueueDelete,
)
from coolamqp.framing.frames import encode_method
from coolamqp.framing.method import Method
from tests.behaviour.wire import Message, text
from tests.broker.rig import Client, Rig

# What comes and goes leaves nothing behind


def test_exclusive_queues_that_come_and_go(client: Client) -> None:
    for number in range(100):
        client.declare(f'q{number}', exclusive=True)
        client.call(QueueDelete(f'q{number}'))
    client.declare('kept', exclusive=True)

    assert len(client.connection.session.exclusive_queues) == 1


def test_priorities_of_consumers_that_come_and_go(rig: Rig, client: Client) -> None:
    client.declare('q')
    for number in range(100):
        client.consume('q', 'tag', arguments={'x-priority': number})
        client.cancel('tag')

    assert not rig.queue('q').consumers._levels
    assert not rig.queue('q').consumers._order


def test_exclusive_queues_that_delete_themselves(rig: Rig, client: Client) -> None:
    client.declare('expires', {'x-expires': 10}, exclusive=True)
    client.declare('unused', exclusive=True, auto_delete=True)
    client.consume('unused', 'tag')
    client.cancel('tag')
    rig.advance(1)

    assert not client.connection.session.exclusive_queues


def test_routing_keys_of_a_topic_exchange_without_end(rig: Rig, client: Client) -> None:
    client.exchange('x', 'topic')
    client.declare('q', {'x-max-length': 0})
    for number in range(1000):
        client.send(QueueBind('q', 'x', '#', no_wait=True, arguments={'n': number}))
    for number in range(300):
        client.publish(b'', f'k{number}', 'x')

    exchange = rig.vhost.exchange(b'x')
    assert isinstance(exchange, TopicExchange)
    assert sum(map(len, exchange._remembered.values())) < 110_000


# Clients that read nothing


def unsent(client: Client) -> int:
    return client.connection.session.out.size


def test_deliveries_stop(rig: Rig, client: Client) -> None:
    client.declare('q')
    for _ in range(1000):
        client.publish(bytes(10_000), 'q')
    client.reads = False
    client.send(BasicConsume('q', no_ack=True))
    for _ in range(100):
        client.send(BasicRecover(True), BasicAck(0, True))

    assert unsent(client) < 1_100_000
    assert len(rig.ready('q')) > 800


@pytest.mark.parametrize(('size', 'count'), [(1000, 20_000), (100_000, 500)])
def test_messages_that_are_got_and_requeued(client: Client, size: int, count: int) -> None:
    client.declare('q')
    client.publish(bytes(size), 'q')
    client.reads = False
    for tag in range(1, count + 1):
        client.send(BasicGet('q'), BasicReject(tag, True))

    assert unsent(client) < 10_000_000
    client.read_again()
    client.take()
    assert client.declare('p') == 'p'


def test_returned_messages(client: Client) -> None:
    client.reads = False
    for _ in range(500):
        client.publish(bytes(100_000), 'missing', mandatory=True)

    assert unsent(client) < 10_000_000


def test_answers(client: Client) -> None:
    client.reads = False
    method = encode_method(1, QueueDeclare('q' * 200, durable=True))
    for _ in range(300):
        client.feed(method * 100)

    assert unsent(client) < 5_600_000
    client.read_again()
    assert len(client.received) == 30_000


def test_replies_of_others(rig: Rig, client: Client) -> None:
    server = rig.connect()
    server.declare('requests')
    client.consume('amq.rabbitmq.reply-to', no_ack=True)
    client.publish(b'', 'requests', reply_to='amq.rabbitmq.reply-to')
    request = server.get('requests')
    assert request is not None
    address = text(request.properties.reply_to or b'')
    client.reads = False
    for _ in range(1000):
        server.publish(bytes(10_000), address)

    assert unsent(client) < 1_100_000
    client.read_again()
    server.publish(b'last', address)
    assert client.bodies()[-1] == b'last'


def test_a_client_that_reads_slowly_gets_everything(rig: Rig, client: Client) -> None:
    client.declare('q')
    for number in range(2000):
        client.publish(b'%05d' % number * 1000, 'q')
    client.reads = False
    client.send(*[BasicGet('q', no_ack=True)] * 2000)
    connection, received = client.connection, 0
    while unsent(client):
        count = min(10_000, unsent(client))
        received += count
        client._receive(connection.session.out.front(count))
        rig.core.sent(connection, count, rig.now)
        rig.core.take_outgoing()
        client.flush()

    bodies = [item.body[:5] for item in client.take() if isinstance(item, Message)]
    assert bodies == [b'%05d' % number for number in range(2000)]


# Cycles and chains end


def test_a_long_chain_of_auto_delete_exchanges(rig: Rig, client: Client) -> None:
    client.declare('q')
    for number in range(2000):
        client.exchange(f'x{number}', auto_delete=True)
    for number in range(1, 2000):
        client.call(ExchangeBind(f'x{number}', f'x{number - 1}', ''))
    client.bind('q', 'x1999')
    client.call(QueueDelete('q'))

    assert set(rig.vhost.exchanges) == set(PREDECLARED)


# Much of something takes time in proportion. With the square of it, these tests would not end.


ends = pytest.mark.timeout(60)


def send_many(client: Client, *methods: Method) -> None:
    """Send many methods in few pieces."""
    for chunk in batched(methods, 200):
        client.send(*chunk)


def publish_many(client: Client, count: int, key: str) -> None:
    """Publish many empty messages in few pieces."""
    message = encode_method(1, BasicPublish('', key, False, False)) + client.content(b'')
    for _ in range(count // 200):
        client.feed(message * 200)


def batched(items: Sequence[Method], size: int) -> Iterator[Sequence[Method]]:
    return (items[start : start + size] for start in range(0, len(items), size))


@ends
def test_patterns_with_many_wildcards(rig: Rig, client: Client) -> None:
    client.exchange('x', 'topic')
    client.declare('q', {'x-max-length': 0})
    pattern = '.'.join(['#.a'] * 60)
    for number in range(5_000):
        client.send(QueueBind('q', 'x', pattern, no_wait=True, arguments={'n': number}))
    for number in range(5):
        client.publish(b'', '.'.join(['a'] * 120) + f'.{number}', 'x')

    assert len(rig.vhost.exchange(b'x').bindings) == 5_000


@ends
@pytest.mark.parametrize('single', [False, True])
def test_many_consumers(rig: Rig, client: Client, single: bool) -> None:
    client.declare('q', {'x-single-active-consumer': single})
    client.call(BasicQos(0, 1, False))
    send_many(client, *[BasicConsume('q', no_wait=True)] * 20_000)
    for number in range(50):
        client.publish(b'%d' % number, 'q')
    assert len(rig.queue('q').consumers) == 20_000
    client.lose()

    assert len(rig.ready('q')) == 50
    assert not len(rig.queue('q').consumers)


@ends
def test_many_unacked_messages(rig: Rig, client: Client) -> None:
    count = 50_000
    client.declare('q')
    publish_many(client, count, 'q')
    client.ignore_all()
    client.send(BasicConsume('q'))
    send_many(client, *(BasicAck(tag, True) for tag in range(1, count + 1)))

    assert rig.unacked('q') == 0


@ends
def test_many_bindings(rig: Rig, client: Client) -> None:
    count = 8_000
    client.exchange('x', 'direct')
    names = [f'q{number}' for number in range(count)]
    send_many(client, *(QueueDeclare(name, no_wait=True) for name in names))
    send_many(client, *(QueueBind(name, 'x', 'k', no_wait=True) for name in names))
    send_many(client, *(QueueDelete(name, no_wait=True) for name in reversed(names)))

    assert not rig.vhost.exchange(b'x').bindings
    assert not rig.vhost.queues


@ends
def test_a_long_stream(rig: Rig, client: Client) -> None:
    arguments = {'x-queue-type': 'stream', 'x-max-age': '1D', 'x-max-length-bytes': 10**9}
    client.declare('s', arguments)
    publish_many(client, 50_000, 's')

    assert len(rig.ready('s')) == 50_000


@ends
def test_many_connections_that_say_nothing(rig: Rig, client: Client) -> None:
    idle = [rig.accept() for _ in range(3000)]
    client.declare('q')
    for _ in range(1000):
        client.publish(b'', 'q')
        rig.core.wake_at()
    rig.advance(10)

    assert all(each.closed() for each in idle)
    assert len(rig.core.connections) == 1
