"""Bindings of queues and exchanges: what makes one, what is refused, what removes it."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.framing.definitions import (
    ExchangeBind,
    ExchangeBindOk,
    ExchangeUnbind,
    ExchangeUnbindOk,
    QueueBind,
    QueueBindOk,
    QueueDelete,
    QueueUnbind,
    QueueUnbindOk,
)
from coolamqp.framing.method import Method
from tests.behaviour.client import RawChannel
from tests.behaviour.texts import missing_exchange, missing_queue, precondition_failed


@pytest.mark.parametrize(
    ('method', 'missing'),
    [
        (QueueBind('q', 'missing', 'key'), missing_exchange),
        (QueueBind('missing', 'amq.direct', 'key'), missing_queue),
        (QueueBind('missing-too', 'missing', 'key'), missing_exchange),
        (ExchangeBind('missing', 'amq.direct', 'key'), missing_exchange),
        (ExchangeBind('amq.direct', 'missing', 'key'), missing_exchange),
        (ExchangeBind('missing-too', 'missing', 'key'), missing_exchange),
    ],
    ids=lambda argument: argument.__name__ if callable(argument) else str(argument),
)
def test_binding_what_does_not_exist(
    channel: RawChannel, vhost: str, method: Method, missing: Any
) -> None:
    channel.queue('q')

    assert channel.refused(method) == missing('missing', vhost)


@pytest.mark.parametrize(
    ('method', 'answer'),
    [
        (QueueUnbind('q', 'amq.direct', 'key'), QueueUnbindOk()),
        (QueueUnbind('q', 'missing', 'key'), QueueUnbindOk()),
        (QueueUnbind('missing', 'amq.direct', 'key'), QueueUnbindOk()),
        (ExchangeUnbind('amq.fanout', 'amq.direct', 'key'), ExchangeUnbindOk()),
        (ExchangeUnbind('missing', 'amq.direct', 'key'), ExchangeUnbindOk()),
        (ExchangeUnbind('amq.direct', 'missing', 'key'), ExchangeUnbindOk()),
    ],
    ids=str,
)
def test_removing_a_binding_that_does_not_exist_succeeds(
    channel: RawChannel, method: Method, answer: Method
) -> None:
    channel.queue('q')

    assert channel.call(method) == answer


def test_binding_twice_is_binding_once(channel: RawChannel) -> None:
    channel.queue('q')
    for _ in range(2):
        assert channel.call(QueueBind('q', 'amq.direct', 'key')) == QueueBindOk()
    channel.put('key', b'body', exchange='amq.direct')
    assert channel.bodies('q') == [b'body']

    channel.call(QueueUnbind('q', 'amq.direct', 'key'))
    channel.put('key', b'body', exchange='amq.direct')

    assert channel.bodies('q') == []


def test_binding_exchanges_twice_is_binding_once(channel: RawChannel) -> None:
    channel.bind(channel.queue('q'), 'amq.fanout')
    for _ in range(2):
        assert channel.call(ExchangeBind('amq.fanout', 'amq.direct', 'key')) == ExchangeBindOk()
    channel.put('key', b'body', exchange='amq.direct')
    assert channel.bodies('q') == [b'body']

    channel.call(ExchangeUnbind('amq.fanout', 'amq.direct', 'key'))
    channel.put('key', b'body', exchange='amq.direct')

    assert channel.bodies('q') == []


def test_unbinding_compares_key_and_arguments(channel: RawChannel) -> None:
    channel.queue('q')
    channel.bind('q', 'amq.direct', 'key', {'a': 1})
    channel.call(QueueUnbind('q', 'amq.direct', 'other'))
    channel.call(QueueUnbind('q', 'amq.direct', 'key'))
    channel.call(QueueUnbind('q', 'amq.direct', 'key', {'a': 2}))
    channel.put('key', b'body', exchange='amq.direct')
    assert channel.bodies('q') == [b'body']

    channel.call(QueueUnbind('q', 'amq.direct', 'key', {'a': 1}))
    channel.put('key', b'body', exchange='amq.direct')

    assert channel.bodies('q') == []


def test_bindings_that_differ_in_arguments_are_two(channel: RawChannel) -> None:
    channel.queue('q')
    channel.bind('q', 'amq.direct', 'key', {'a': 1})
    channel.bind('q', 'amq.direct', 'key', {'a': 2})
    channel.call(QueueUnbind('q', 'amq.direct', 'key', {'a': 1}))

    channel.put('key', b'body', exchange='amq.direct')

    assert channel.bodies('q') == [b'body']


def test_binding_without_a_queue_binds_the_last_declared_one(channel: RawChannel) -> None:
    channel.queue('q')
    channel.bind('', 'amq.direct', 'key')

    channel.put('key', b'body', exchange='amq.direct')

    assert channel.bodies('q') == [b'body']


def test_binding_without_queue_and_key_takes_the_name_as_key(channel: RawChannel) -> None:
    channel.queue('q')
    channel.bind('', 'amq.direct', '')

    channel.put('q', b'to the name', exchange='amq.direct')
    channel.put('', b'to nothing', exchange='amq.direct')

    assert channel.bodies('q') == [b'to the name']


def test_binding_a_named_queue_without_a_key_takes_the_empty_key(channel: RawChannel) -> None:
    channel.bind(channel.queue('q'), 'amq.direct', '')

    channel.put('q', b'to the name', exchange='amq.direct')
    channel.put('', b'to nothing', exchange='amq.direct')

    assert channel.bodies('q') == [b'to nothing']


def test_a_new_queue_of_the_same_name_has_no_bindings(channel: RawChannel) -> None:
    channel.bind(channel.queue('q'), 'amq.direct', 'key')
    channel.call(QueueDelete('q'))
    channel.queue('q')

    channel.put('key', b'body', exchange='amq.direct')

    assert channel.bodies('q') == []


@pytest.mark.parametrize(
    ('value', 'text'),
    [
        (
            'some',
            'Invalid x-match field value <<"some">>; expected all, any, all-with-x, or any-with-x',
        ),
        (5, 'Invalid x-match field type signedint (value 5); expected longstr'),
        (True, 'Invalid x-match field type bool (value true); expected longstr'),
    ],
)
def test_a_wrong_x_match_is_refused(channel: RawChannel, value: Any, text: str) -> None:
    channel.queue('q')
    method = QueueBind('q', 'amq.headers', arguments={'x-match': value})

    assert channel.refused(method) == precondition_failed(text)


def test_only_a_headers_exchange_looks_at_x_match(channel: RawChannel) -> None:
    channel.bind(channel.queue('q'), 'amq.direct', 'key', {'x-match': 'some'})
