"""Exchanges: bindings and matches, type by type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coolamqp.broker.arguments import NamedArguments, typed
from coolamqp.broker.exchange import TYPES, Binding, Exchange, ExchangeDefinition
from coolamqp.broker.message import BrokerMessage
from coolamqp.framing.properties import BasicContentPropertyList

MESSAGE = BrokerMessage(b'', b'', BasicContentPropertyList(headers={'h': 1}).encoded, b'')


def make(type_: str, name: bytes = b'x', **arguments: Any) -> Exchange:
    given = {key.replace('_', '-').encode(): typed(value) for key, value in arguments.items()}
    return TYPES[type_](ExchangeDefinition(name, given, durable=False))


def keys(exchange: Exchange, routing_key: bytes) -> list[bytes]:
    return sorted(each.name for each in exchange.match(routing_key, MESSAGE))


ONE, TWO = make('fanout', b'one'), make('fanout', b'two')
BINDINGS: list[tuple[Exchange, bytes, NamedArguments]] = [
    (ONE, b'a.b', {}),
    (ONE, b'a.*', {b'x-match': (b'any', 'S')}),
    (TWO, b'a.b', {b'h': (1, 'I')}),
    (TWO, b'c', {b'h': (2, 'I')}),
]


@pytest.fixture
def bound() -> Callable[[str], tuple[Exchange, list[Binding]]]:
    def bind(type_: str) -> tuple[Exchange, list[Binding]]:
        exchange = make(type_)
        bindings = [Binding(*each) for each in BINDINGS]
        assert all(exchange.bind(binding) for binding in bindings)
        return exchange, bindings

    return bind


MATCHES = [
    ('direct', b'a.b', [b'one', b'two']),
    ('direct', b'c', [b'two']),
    ('direct', b'x', []),
    ('fanout', b'x', [b'one', b'one', b'two', b'two']),
    ('topic', b'a.b', [b'one', b'one', b'two']),
    ('topic', b'a.x', [b'one']),
    ('headers', b'x', [b'one', b'two']),
]


@pytest.mark.parametrize(('type_', 'key', 'expected'), MATCHES)
def test_matches(bound: Any, type_: str, key: bytes, expected: list[bytes]) -> None:
    exchange, _ = bound(type_)

    assert keys(exchange, key) == expected
    assert keys(exchange, key) == expected  # from memory, in a topic exchange


@pytest.mark.parametrize('type_', TYPES)
def test_a_binding_is_there_once(bound: Any, type_: str) -> None:
    exchange, _ = bound(type_)

    assert not exchange.bind(Binding(*BINDINGS[2]))
    assert len(exchange.bindings) == len(BINDINGS)


@pytest.mark.parametrize('type_', TYPES)
def test_what_is_unbound_does_not_match(bound: Any, type_: str) -> None:
    exchange, bindings = bound(type_)
    keys(exchange, b'a.b')
    exchange.unbind(bindings[2])
    assert keys(exchange, b'a.b').count(b'two') == (type_ == 'fanout')

    for index in (0, 1, 3):
        exchange.unbind(bindings[index])
    assert not keys(exchange, b'a.b')
    assert not exchange.bindings


@pytest.mark.parametrize('type_', TYPES)
def test_a_late_binding_matches(type_: str) -> None:
    exchange = make(type_)
    assert not keys(exchange, b'k')
    exchange.bind(Binding(ONE, b'k', {}))

    assert keys(exchange, b'k') == [b'one']


def test_the_order_of_arguments_does_not_tell_bindings_apart() -> None:
    there = Binding(ONE, b'', {b'a': (1, 'I'), b'b': (2, 'I')})
    back = Binding(ONE, b'', {b'b': (2, 'I'), b'a': (1, 'I')})
    other = Binding(ONE, b'', {b'b': (2, 'l'), b'a': (1, 'I')})

    assert there.key == back.key
    assert there.key != other.key


def test_an_alternate_exchange_comes_from_the_arguments_or_else_from_a_policy() -> None:
    policy = {'alternate-exchange': 'of-policy'}
    of_arguments, plain = make('direct', alternate_exchange='mine'), make('direct')
    for exchange in (of_arguments, plain):
        exchange.apply_policy('p', policy)
    assert [each.alternate for each in (of_arguments, plain)] == [b'mine', b'of-policy']

    for exchange in (of_arguments, plain):
        exchange.apply_policy('', {})
    assert [each.alternate for each in (of_arguments, plain)] == [b'mine', None]
