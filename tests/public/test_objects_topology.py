"""coolamqp.objects: Exchange, Queue and QueueBind, row by row."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from coolamqp.argumentify import argumentify
from coolamqp.objects import Exchange, Queue, QueueBind

ARGUMENTS: dict[str, Any] = {
    'none': None,
    'dict': {'x-max-length': 5},
    'dict of bytes': {b'x-max-length': 5},
    'pairs': [('x-max-length', 5)],
    'argumentify': argumentify({'x-max-length': 5}),
}

# -- Exchange


def test_exchange_by_default() -> None:
    exchange = Exchange()
    assert (exchange.name, exchange.type) == ('', b'direct')
    assert (exchange.durable, exchange.auto_delete, exchange.arguments) == (True, False, None)


@pytest.mark.parametrize('name', ['logs', b'logs'])
@pytest.mark.parametrize('kind', ['topic', b'topic'])
def test_exchange_name_is_kept_as_str_and_type_as_bytes(name: Any, kind: Any) -> None:
    exchange = Exchange(name, kind, False, True, {'alternate-exchange': 'rest'})
    assert (exchange.name, exchange.type) == ('logs', b'topic')
    assert (exchange.durable, exchange.auto_delete) == (False, True)
    assert exchange.arguments == {'alternate-exchange': 'rest'}


def test_exchange_direct_is_the_default_exchange() -> None:
    assert Exchange.direct.name == ''
    assert Exchange.direct.type == b'direct'


def test_exchange_hash_by_name_and_equal_by_name_and_type() -> None:
    assert Exchange('a', b'topic') == Exchange(b'a', 'topic', durable=False)
    assert hash(Exchange('a')) == hash(Exchange('a', b'fanout'))
    assert Exchange('a') != Exchange('a', b'fanout')
    assert Exchange('a') != Exchange('b')


def test_exchange_durable_with_auto_delete_warns() -> None:
    with pytest.warns(UserWarning, match=r"'ex' is durable and auto_delete") as caught:
        Exchange('ex', durable=True, auto_delete=True)
    assert caught[0].filename == __file__


# -- Queue: named


@pytest.mark.parametrize('name', ['jobs', b'jobs'])
def test_queue_name_is_kept_as_bytes(name: Any) -> None:
    queue = Queue(name)
    assert queue.name == b'jobs'
    assert isinstance(queue.name, bytes)
    assert not queue.anonymous


def test_queue_in_the_order_of_its_arguments() -> None:
    logs = Exchange('logs', b'topic')
    queue = Queue('q', False, logs, True, True, {'x-expires': 1000}, 'a.*', {'x-match': 'any'})
    assert (queue.durable, queue.exchange) == (False, logs)
    assert (queue.exclusive, queue.auto_delete) == (True, True)
    assert (queue.arguments, queue.arguments_bind) == ({'x-expires': 1000}, {'x-match': 'any'})
    assert queue.routing_key == b'a.*'


def test_queue_named_without_flags_is_neither_exclusive_nor_auto_delete() -> None:
    queue = Queue('jobs')
    assert (queue.durable, queue.exclusive, queue.auto_delete) == (False, False, False)
    assert (queue.exchange, queue.routing_key) == (None, b'')


@pytest.mark.parametrize('name', ['', b''])
def test_queue_with_an_empty_name_has_a_uuid_at_once(name: Any) -> None:
    queue, another = Queue(name), Queue(name)
    assert queue.name is not None
    assert len(queue.name) in (32, 36)
    assert queue.name != another.name
    assert not queue.anonymous
    assert (queue.exclusive, queue.auto_delete) == (False, False)
    assert Queue(name, durable=True).durable


def test_queue_durable_and_auto_delete_is_refused_naming_the_two() -> None:
    with pytest.raises(ValueError, match=r'durable and auto_delete.*one of them'):
        Queue('jobs', durable=True, auto_delete=True)


def test_queue_hash_and_equality_by_name() -> None:
    assert Queue('a') == Queue(b'a', durable=True)
    assert len({Queue('a'), Queue(b'a', durable=True), Queue('b')}) == 2


def test_queue_consumer_tag_is_its_name() -> None:
    assert Queue('jobs').consumer_tag == b'jobs'


# -- Queue: anonymous


def test_queue_without_a_name_is_anonymous_exclusive_and_auto_delete() -> None:
    queue = Queue()
    assert queue.anonymous
    assert queue.name is None
    assert (queue.durable, queue.exclusive, queue.auto_delete) == (False, True, True)


def test_queue_anonymous_has_a_uuid_for_its_consumer_tag() -> None:
    assert len(Queue().consumer_tag) in (32, 36)
    assert Queue().consumer_tag != Queue().consumer_tag


@pytest.mark.parametrize(
    ('flags', 'word'), [({'auto_delete': False}, 'auto_delete=False'), ({'durable': True}, 'durab')]
)
def test_queue_anonymous_that_should_stay_is_refused(flags: dict[str, bool], word: str) -> None:
    with pytest.raises(ValueError, match=f'{word}.*give it a name'):
        Queue(None, **flags)  # type: ignore[arg-type]


def test_queue_anonymous_that_is_not_exclusive_warns() -> None:
    with pytest.warns(DeprecationWarning, match=r'not exclusive.*name') as caught:
        queue = Queue(exclusive=False)
    assert not queue.exclusive
    assert caught[0].filename == __file__


# -- QueueBind


@pytest.mark.parametrize('queue', [Queue('q'), 'q', b'q'], ids=['object', 'str', 'bytes'])
@pytest.mark.parametrize('exchange', [Exchange('ex'), 'ex', b'ex'], ids=['object', 'str', 'bytes'])
@pytest.mark.parametrize('key', ['key', b'key'], ids=['str', 'bytes'])
def test_queue_bind_takes_objects_and_names_and_keeps_bytes(
    queue: Any, exchange: Any, key: Any
) -> None:
    bind = QueueBind(queue, exchange, key)
    assert (bind.queue, bind.exchange, bind.routing_key) == (b'q', b'ex', b'key')
    assert all(isinstance(each, bytes) for each in (bind.queue, bind.exchange, bind.routing_key))


def test_queue_bind_is_hashable_and_comparable() -> None:
    same = {QueueBind('q', 'ex', 'key', {'a': 1}), QueueBind(b'q', b'ex', b'key', [('a', 1)])}
    assert len(same) == 1
    assert QueueBind('q', 'ex', 'key') not in same
    assert QueueBind('q', 'ex', 'key') != QueueBind('q', 'ex', 'other')


# -- arguments anywhere


@pytest.mark.parametrize('arguments', ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments_are_a_dict_or_pairs_or_typed(arguments: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        Exchange('ex', arguments=arguments)
        Queue('q', arguments=arguments, arguments_bind=arguments)
        QueueBind('q', 'ex', 'key', arguments)
