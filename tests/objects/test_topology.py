"""Exchanges, queues and bindings, as descriptions."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from coolamqp.argumentify import argumentify
from coolamqp.objects import Exchange, Queue, QueueBind
from coolamqp.objects.topology import exchange_name, queue_name

# Exchanges


def test_an_exchange() -> None:
    exchange = Exchange()
    assert (exchange.name, exchange.type) == ('', b'direct')
    assert (exchange.durable, exchange.auto_delete, exchange.arguments) == (True, False, None)
    assert Exchange.direct == exchange
    exchange = Exchange(b'logs', 'fanout', False, True, {'alternate-exchange': 'other'})
    assert (exchange.name, exchange.type) == ('logs', b'fanout')
    assert (exchange.durable, exchange.auto_delete) == (False, True)
    assert exchange.arguments == {'alternate-exchange': 'other'}
    assert repr(exchange) == "Exchange('logs', b'fanout', durable=False)"


@pytest.mark.parametrize('kind', [b'direct', 'fanout', b'topic', 'headers', 'x-consistent-hash'])
def test_types_of_exchange(kind: Any) -> None:
    assert Exchange('ex', kind).type == (kind.encode() if isinstance(kind, str) else kind)


def test_exchanges_are_equal_by_name_and_type() -> None:
    assert Exchange('a') == Exchange(b'a', durable=False)
    assert hash(Exchange('a')) == hash(Exchange('a', b'topic'))
    assert Exchange('a') != Exchange('a', b'topic')
    assert Exchange('a') != Exchange('b')
    assert Exchange('a') != 'a'


def test_exchanges_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="no exchange type 'directt'"):
        Exchange('ex', 'directt')
    with pytest.raises(ValueError, match='exchange name is 256 bytes'):
        Exchange('x' * 256)
    with pytest.raises(TypeError, match='arguments of exchange'):
        Exchange('ex', arguments={'a': object()})
    with pytest.warns(UserWarning, match="'ex' is durable and auto_delete") as caught:
        Exchange('ex', auto_delete=True)
    assert caught[0].filename == __file__


def test_names_of_exchanges() -> None:
    assert exchange_name(None) == b''
    assert exchange_name(Exchange('\xe9')) == '\xe9'.encode()
    assert exchange_name('ex') == exchange_name(b'ex') == b'ex'
    with pytest.raises(TypeError, match='an Exchange or a name'):
        exchange_name(5)  # type: ignore[arg-type]


# Queues


@pytest.mark.parametrize('name', ['jobs', b'jobs'])
def test_a_named_queue_is_neither_exclusive_nor_auto_delete(name: Any) -> None:
    queue = Queue(name)
    assert (queue.name, queue.anonymous, queue.consumer_tag) == (b'jobs', False, b'jobs')
    assert (queue.durable, queue.exclusive, queue.auto_delete) == (False, False, False)
    assert (queue.exchange, queue.routing_key, queue.arguments_bind) == (None, b'', None)
    assert repr(queue) == "Queue(b'jobs', durable=False, exclusive=False)"


def test_an_anonymous_queue_is_exclusive_and_auto_delete() -> None:
    queue = Queue()
    assert (queue.name, queue.anonymous) == (None, True)
    assert (queue.durable, queue.exclusive, queue.auto_delete) == (False, True, True)
    assert len(queue.consumer_tag) == 32
    assert queue.consumer_tag != Queue().consumer_tag
    assert Queue(exclusive=True, auto_delete=True).exclusive


@pytest.mark.parametrize('name', ['', b''])
def test_an_empty_name_is_made_up_at_once(name: Any) -> None:
    queue = Queue(name)
    assert not queue.anonymous
    assert queue.name is not None
    assert len(queue.name) == 32
    assert queue.consumer_tag == queue.name
    assert not queue.exclusive


def test_a_queue_in_the_order_of_its_arguments() -> None:
    logs = Exchange('logs', b'topic')
    queue = Queue('q', False, logs, True, True, {'x-expires': 1000}, 'a.*', {'x-match': 'any'})
    assert (queue.durable, queue.exchange) == (False, logs)
    assert (queue.exclusive, queue.auto_delete) == (True, True)
    assert (queue.arguments, queue.arguments_bind) == ({'x-expires': 1000}, {'x-match': 'any'})
    assert queue.routing_key == b'a.*'


def test_queues_that_make_no_sense() -> None:
    for flags in ({'durable': True}, {'auto_delete': False}):
        with pytest.raises(ValueError, match=r'without a name.*give it a name'):
            Queue(**flags)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='durable and auto_delete'):
        Queue('q', durable=True, auto_delete=True)
    with pytest.raises(ValueError, match='queue name is 256 bytes'):
        Queue('x' * 256)
    with pytest.raises(ValueError, match='routing_key is 256 bytes'):
        Queue('q', routing_key='x' * 256)
    with pytest.raises(TypeError, match='exchange must be an Exchange'):
        Queue('q', exchange='ex')  # type: ignore[arg-type]
    for name in ('arguments', 'arguments_bind'):
        with pytest.raises(TypeError, match=f'{name} of queue'):
            Queue('q', **{name: {'a': object()}})  # type: ignore[arg-type]
    with pytest.warns(DeprecationWarning, match=r'not exclusive.*name') as caught:
        assert not Queue(exclusive=False).exclusive
    assert caught[0].filename == __file__


def test_flags_that_are_fine_do_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        Queue('q', durable=True, auto_delete=False)
        Queue('q', exclusive=True, auto_delete=True)
        Exchange('ex', durable=False, auto_delete=True)


def test_queues_are_equal_by_name() -> None:
    assert Queue('a') == Queue(b'a', durable=True)
    assert hash(Queue('a')) == hash(Queue(b'a'))
    assert Queue('a') != Queue('b')
    assert Queue('a') != 'a'


def test_names_of_queues() -> None:
    assert queue_name(Queue('q')) == queue_name('q') == queue_name(b'q') == b'q'
    named_by_broker = Queue()
    named_by_broker.name = b'amq.gen-1'
    with pytest.raises(ValueError, match='anonymous'):
        queue_name(named_by_broker)
    with pytest.raises(TypeError, match='a Queue or a name'):
        queue_name(None)  # type: ignore[arg-type]


# Bindings


def test_a_binding_is_a_value() -> None:
    binding = QueueBind(Queue('q'), Exchange('ex'), 'key', {'x-match': 'all'})
    assert (binding.queue, binding.exchange, binding.routing_key) == (b'q', b'ex', b'key')
    assert binding == QueueBind('q', b'ex', b'key', [('x-match', 'all')])
    assert hash(binding) == hash(QueueBind('q', b'ex', b'key', [('x-match', 'all')]))
    assert binding != QueueBind('q', 'ex', 'key')
    assert binding != 'q'
    assert repr(binding) == "QueueBind(b'q', b'ex', b'key')"


@pytest.mark.parametrize('queue', [Queue('q'), 'q', b'q'], ids=repr)
@pytest.mark.parametrize('exchange', [Exchange('ex'), 'ex', b'ex'], ids=repr)
@pytest.mark.parametrize('key', ['key', b'key'])
def test_a_binding_takes_objects_and_names_and_keeps_bytes(
    queue: Any, exchange: Any, key: Any
) -> None:
    binding = QueueBind(queue, exchange, key)
    assert (binding.queue, binding.exchange, binding.routing_key) == (b'q', b'ex', b'key')


def test_bindings_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match='queue is 256 bytes'):
        QueueBind('q' * 256, 'ex', '')
    with pytest.raises(ValueError, match='anonymous'):
        QueueBind(Queue(), 'ex', '')
    with pytest.raises(ValueError, match='routing_key is 256 bytes'):
        QueueBind('q', 'ex', 'x' * 256)


@pytest.mark.parametrize(
    'arguments',
    [
        None,
        {'x-max-length': 5},
        {b'x-max-length': 5},
        [('x-max-length', 5)],
        argumentify({'x-max-length': 5}),
    ],
    ids=repr,
)
def test_arguments_are_a_dict_or_pairs_or_typed(arguments: Any) -> None:
    Exchange('ex', arguments=arguments)
    Queue('q', arguments=arguments, arguments_bind=arguments)
    QueueBind('q', 'ex', 'key', arguments)
