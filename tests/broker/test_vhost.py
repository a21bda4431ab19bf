"""A virtual host: what belongs to what, and what goes with what."""

from __future__ import annotations

import pytest

from coolamqp.broker.errors import Refusal
from coolamqp.broker.policies import Policy
from coolamqp.broker.vhost import PREDECLARED
from coolamqp.framing.definitions import (
    ExchangeBind,
    ExchangeDelete,
    QueueDelete,
    QueueUnbind,
)
from tests.broker.rig import Client, Rig


def test_what_is_missing_is_named(rig: Rig) -> None:
    with pytest.raises(Refusal, match="no exchange 'x' in vhost '/'"):
        rig.vhost.exchange(b'x')
    with pytest.raises(Refusal, match="no queue 'q' in vhost '/'"):
        rig.vhost.queue(b'q')


def test_a_deleted_queue_takes_its_bindings_along(rig: Rig, client: Client) -> None:
    client.declare('q')
    client.bind('q', 'amq.topic', 'a.#')
    client.bind('q', 'amq.topic', 'b.#')
    client.call(QueueDelete('q'))

    assert not rig.vhost.exchange(b'amq.topic').bindings


def test_a_deleted_exchange_takes_bindings_of_both_directions_along(
    rig: Rig, client: Client
) -> None:
    for name in ('first', 'second', 'third'):
        client.exchange(name)
    client.declare('q')
    client.call(ExchangeBind('second', 'first', ''))
    client.call(ExchangeBind('third', 'second', ''))
    client.call(ExchangeDelete('second'))
    client.exchange('second')

    assert not rig.vhost.exchange(b'first').bindings
    assert not rig.vhost.exchange(b'second').bindings


def test_an_auto_delete_exchange_goes_with_its_last_binding(rig: Rig, client: Client) -> None:
    client.exchange('x', auto_delete=True)
    client.declare('q')
    client.bind('q', 'x', 'a')
    client.bind('q', 'x', 'b')
    client.call(QueueUnbind('q', 'x', 'a'))
    assert b'x' in rig.vhost.exchanges

    client.call(QueueUnbind('q', 'x', 'b'))
    assert b'x' not in rig.vhost.exchanges


def test_auto_delete_exchanges_go_one_after_the_other(rig: Rig, client: Client) -> None:
    for name in ('first', 'second'):
        client.exchange(name, auto_delete=True)
    client.declare('q')
    client.call(ExchangeBind('second', 'first', ''))
    client.bind('q', 'second', '')
    client.call(QueueDelete('q'))

    assert set(rig.vhost.exchanges) == set(PREDECLARED)


def test_policies_come_and_go(rig: Rig, client: Client) -> None:
    client.declare('early')
    policy = Policy('p', '.*', 'queues', 0, {'max-length': 1})
    rig.vhost.set_policy(policy)
    client.declare('late')
    for name in ('early', 'late'):
        client.publish(b'1', name)
        client.publish(b'2', name)
        assert rig.ready(name) == [b'2']

    rig.vhost.clear_policy('p')
    client.publish(b'3', 'early')
    assert rig.ready('early') == [b'2', b'3']

    rig.vhost.set_policy(policy)
    assert rig.ready('early') == [b'3']


def test_an_unused_queue_expires_exactly_at_its_time(rig: Rig, client: Client) -> None:
    client.declare('q', {'x-expires': 1000})
    rig.advance(0.999)
    assert b'q' in rig.vhost.queues

    rig.advance(0.001)
    assert b'q' not in rig.vhost.queues


def test_each_use_gives_a_queue_its_time_anew(rig: Rig, client: Client) -> None:
    client.declare('q', {'x-expires': 1000})
    rig.advance(0.9)
    client.get('q')
    rig.advance(0.9)
    client.declare('q', {'x-expires': 1000})
    rig.advance(0.9)
    tag = client.consume('q')
    rig.advance(100)
    assert b'q' in rig.vhost.queues

    consumer = next(iter(rig.queue('q').consumers))
    assert consumer.tag.decode() == tag
    client.lose()
    rig.advance(0.999)
    assert b'q' in rig.vhost.queues
    rig.advance(0.001)
    assert b'q' not in rig.vhost.queues


def test_a_restart_keeps_what_is_durable(rig: Rig, client: Client) -> None:
    client.declare('durable')
    client.declare('transient', durable=False)
    client.exchange('durable', durable=True)
    client.exchange('transient')
    client.bind('durable', 'durable', 'k')
    client.bind('durable', 'transient', 'k')
    client.publish(b'kept', 'durable', delivery_mode=2)
    client.publish(b'lost', 'durable')
    client.lose()

    rig.vhost.forget_transient()

    assert list(rig.vhost.queues) == [b'durable']
    assert b'transient' not in rig.vhost.exchanges
    assert len(rig.vhost.exchange(b'durable').bindings) == 1
    assert rig.ready('durable') == [b'kept']


def test_a_message_without_a_dead_letter_exchange_is_dropped(rig: Rig, client: Client) -> None:
    client.declare('q', {'x-dead-letter-exchange': 'missing', 'x-max-length': 1})
    client.publish(b'1', 'q')
    client.publish(b'2', 'q')

    assert rig.ready('q') == [b'2']
