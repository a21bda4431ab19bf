"""Operations: which methods are asked of the broker for what a program declares."""

from __future__ import annotations

import pytest

from coolamqp.attaches.operation import (
    after_queue,
    bind,
    declare,
    declare_queue,
    delete_queue,
    look_up,
    unbind,
)
from coolamqp.framing import definitions
from coolamqp.framing.definitions import ExchangeDeclare, QueueDeclare, QueueDelete
from coolamqp.framing.method import Method
from coolamqp.objects import Exchange, ExchangeBind, Queue, QueueBind

BOUND = Queue('q', exchange=Exchange('ex'), routing_key='k')


@pytest.mark.parametrize(
    ('subject', 'names'),
    [
        (Exchange('ex'), ['exchange.declare']),
        (Queue('q'), ['queue.declare']),
        (BOUND, ['exchange.declare', 'queue.declare', 'queue.bind']),
        (QueueBind('q', 'ex', 'k'), ['queue.bind']),
        (ExchangeBind('to', 'from', 'k'), ['exchange.bind']),
    ],
)
def test_a_subject_is_declared_with_everything_that_it_describes(
    subject: Queue, names: list[str]
) -> None:
    assert [method.NAME for method in declare(subject)] == names


def test_the_default_exchange_binds_every_queue_itself() -> None:
    assert after_queue(Queue('q', exchange=Exchange.direct), b'q') == []


def test_an_anonymous_queue_is_declared_by_consuming_it() -> None:
    with pytest.raises(ValueError, match='anonymous'):
        declare(Queue())
    with pytest.raises(ValueError, match='anonymous'):
        look_up(Queue())


def test_nothing_but_topology_can_be_declared() -> None:
    with pytest.raises(TypeError, match='only a Queue'):
        declare('q')  # type: ignore[arg-type]
    with pytest.raises(TypeError, match='only a Queue or Exchange'):
        look_up(QueueBind('q', 'ex', 'k'))


def test_a_description_is_sent_with_all_its_flags() -> None:
    queue = Queue('q', durable=True, exclusive=True, arguments={'x-max': 1})
    method = declare_queue(queue, b'q')
    assert isinstance(method, QueueDeclare)
    assert (method.durable, method.exclusive, method.auto_delete) == (True, True, False)
    assert method.arguments == queue.arguments
    exchange = Exchange('ex', b'topic', False, True, {'alternate-exchange': 'rest'})
    (declared,) = declare(exchange)
    assert isinstance(declared, ExchangeDeclare)
    assert (declared.type_, declared.durable, declared.auto_delete) == (b'topic', False, True)
    assert declared.arguments == exchange.arguments


def test_looking_up_makes_nothing() -> None:
    assert look_up(Queue('q', durable=True)) == [QueueDeclare(b'q', passive=True)]
    assert look_up(Exchange('ex', b'topic')) == [ExchangeDeclare(b'ex', b'topic', passive=True)]


def test_a_binding_is_undone_as_it_was_made() -> None:
    queue, exchange = QueueBind('q', 'ex', 'k'), ExchangeBind('to', 'from', 'k')
    pairs: list[tuple[Method, Method]] = [
        (bind(queue), definitions.QueueBind(b'q', b'ex', b'k', arguments=queue.arguments)),
        (unbind(queue), definitions.QueueUnbind(b'q', b'ex', b'k', queue.arguments)),
        (bind(exchange), definitions.ExchangeBind(b'to', b'from', b'k')),
        (unbind(exchange), definitions.ExchangeUnbind(b'to', b'from', b'k')),
    ]
    for made, expected in pairs:
        assert made == expected


def test_a_queue_is_deleted_under_its_conditions() -> None:
    assert delete_queue(BOUND, if_unused=True, if_empty=False) == QueueDelete(b'q', if_unused=True)
    assert delete_queue('q', if_unused=False, if_empty=True) == QueueDelete(b'q', if_empty=True)
