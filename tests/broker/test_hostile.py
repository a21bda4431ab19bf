"""Clients that want to bring the broker down, or to use up its memory."""

from __future__ import annotations

import time

import pytest

from coolamqp.broker.exchange import TopicExchange
from coolamqp.broker.vhost import PREDECLARED
from coolamqp.framing.definitions import (
    BasicConsume,
    BasicQos,
    ExchangeBind,
    QueueBind,
    QueueDelete,
)
from tests.broker.rig import Client, Rig

# More than these tests take on any machine, and less than a cost that grows with the square.
SECONDS = 10

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


# Much of something costs its sender time, and nobody else: it takes time in proportion


def test_patterns_with_many_wildcards(rig: Rig, client: Client) -> None:
    client.exchange('x', 'topic')
    client.declare('q', {'x-max-length': 0})
    began = time.process_time()
    for number in range(5000):
        pattern = '.'.join(['#.a'] * 60)
        client.send(QueueBind('q', 'x', pattern, no_wait=True, arguments={'n': number}))
    for number in range(5):
        client.publish(b'', '.'.join(['a'] * 120) + f'.{number}', 'x')

    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize('single', [False, True])
def test_many_consumers(rig: Rig, client: Client, single: bool) -> None:
    client.declare('q', {'x-single-active-consumer': single})
    client.call(BasicQos(0, 1, False))
    began = time.process_time()
    for _ in range(10):
        client.send(*[BasicConsume('q', no_wait=True)] * 2000)
    for number in range(50):
        client.publish(b'%d' % number, 'q')
    assert len(rig.queue('q').consumers) == 20_000
    client.lose()

    assert len(rig.ready('q')) == 50
    assert not len(rig.queue('q').consumers)
    assert time.process_time() - began < SECONDS
