"""The calls about topology: what is asked of the broker, and what is declared again later."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from coolamqp.api.topology import TopologyCalls
from coolamqp.exceptions import AMQPError
from coolamqp.framing.definitions import QueueDeclare, QueueDeclareOk, QueuePurge, QueuePurgeOk
from coolamqp.framing.method import Method
from coolamqp.objects import Exchange, ExchangeBind, Queue, QueueBind
from tests.api.support import RigCommands, Tracer
from tests.support.scripted_broker import ScriptedBroker

BOUND = Queue('q', exchange=Exchange('ex'), routing_key='k')


class Calls(TopologyCalls[Future[Any]]):
    def __init__(self, tracer: Tracer | None = None) -> None:
        self._core = RigCommands(tracer)
        self.rig = self._core.rig

    def restored(self) -> list[str]:
        """Return what is declared on the next connection."""
        return names(self.rig.reconnect())


def names(broker: ScriptedBroker) -> list[str]:
    """Return what was said of topology."""
    said = [method.NAME for _, method in broker.log]
    return [name for name in said if name.startswith(('queue.', 'exchange.'))]


CALLS: list[tuple[Callable[[Calls], Future[Any]], str]] = [
    (lambda calls: calls.declare(Queue('q')), 'queue.declare'),
    (lambda calls: calls.declare(Exchange('ex')), 'exchange.declare'),
    (lambda calls: calls.declare(Queue('q'), passive=True), 'queue.declare'),
    (lambda calls: calls.bind('q', 'ex', 'k'), 'queue.bind'),
    (lambda calls: calls.unbind('q', 'ex', 'k'), 'queue.unbind'),
    (lambda calls: calls.bind_exchange('to', 'from', 'k'), 'exchange.bind'),
    (lambda calls: calls.unbind_exchange('to', 'from', 'k'), 'exchange.unbind'),
    (lambda calls: calls.delete_queue('q'), 'queue.delete'),
    (lambda calls: calls.delete_exchange('ex'), 'exchange.delete'),
    (lambda calls: calls.purge('q'), 'queue.purge'),
]


@pytest.mark.parametrize(('call', 'name'), CALLS, ids=[name for _, name in CALLS])
def test_a_call_ends_with_the_answer_of_the_broker_and_is_not_made_again(
    call: Callable[[Calls], Future[Any]], name: str
) -> None:
    calls = Calls()
    broker = calls.rig.up()
    future = call(calls)
    assert not future.done()
    broker.serve()
    calls.rig.carry_out()
    assert names(broker) == [name]
    assert future.exception(0) is None
    assert calls.restored() == []


@pytest.mark.parametrize(('call', 'name'), CALLS, ids=[name for _, name in CALLS])
def test_a_refusal_ends_the_call_and_its_span(
    call: Callable[[Calls], Future[Any]], name: str
) -> None:
    tracer = Tracer()
    calls = Calls(tracer)
    broker = calls.rig.up()
    broker.refuses = lambda method: 403 if name == method.NAME else 0
    future = call(calls)
    broker.serve()
    calls.rig.carry_out()
    error = future.exception(0)
    assert isinstance(error, AMQPError)
    assert tracer.spans[0].ends == [error]
    assert calls.restored() == []


@pytest.mark.parametrize(
    ('declare', 'restored'),
    [
        (lambda calls: calls.declare(Queue('q'), True), ['queue.declare']),
        (
            lambda calls: calls.declare(BOUND, persistent=True),
            ['exchange.declare', 'queue.declare', 'queue.bind'],
        ),
        (lambda calls: calls.bind('q', 'ex', 'k', True), ['queue.bind']),
        (lambda calls: calls.bind_exchange('to', 'from', 'k', True), ['exchange.bind']),
    ],
)
def test_what_is_persistent_is_declared_again_once_it_was_declared(
    declare: Callable[[Calls], Future[Any]], restored: list[str]
) -> None:
    calls = Calls()
    broker = calls.rig.up()
    declare(calls)
    broker.serve()
    assert calls.restored() == restored


@pytest.mark.parametrize(
    ('undo', 'left'),
    [
        (lambda calls: calls.delete_queue('q'), ['exchange.declare', 'exchange.bind']),
        (lambda calls: calls.delete_exchange('ex'), ['queue.declare']),
        (
            lambda calls: calls.unbind('q', 'ex', 'k'),
            ['exchange.declare', 'queue.declare', 'exchange.bind'],
        ),
        (
            lambda calls: calls.unbind_exchange('ex', 'from', 'k'),
            ['exchange.declare', 'queue.declare', 'queue.bind'],
        ),
    ],
)
def test_what_was_undone_is_not_declared_again(
    undo: Callable[[Calls], Future[Any]], left: list[str]
) -> None:
    calls = Calls()
    broker = calls.rig.up()
    calls.declare(BOUND, persistent=True)
    calls.declare(ExchangeBind('ex', 'from', 'k'), persistent=True)
    broker.serve()
    undo(calls)
    broker.serve()
    assert calls.restored() == left


def answered(call: Callable[[Calls], Future[Any]], asked: type[Method], answer: Method) -> Any:
    """Return the value of a call that is answered so."""
    calls = Calls()
    broker = calls.rig.up()
    broker.unanswered.add(asked.NAME)
    future = call(calls)
    broker.serve()
    broker.send(broker.channel_of(asked), answer)
    return future.result(0)


def test_a_passive_declaration_makes_nothing_and_ends_with_the_answer() -> None:
    answer = QueueDeclareOk(b'q', 3, 1)
    call = Calls.declare
    counted = answered(lambda calls: call(calls, Queue('q'), passive=True), QueueDeclare, answer)
    assert (counted.message_count, counted.consumer_count) == (3, 1)


def test_an_active_declaration_ends_with_nothing() -> None:
    answer = QueueDeclareOk(b'q', 3, 1)
    assert answered(lambda calls: calls.declare(Queue('q')), QueueDeclare, answer) is None


def test_purging_ends_with_how_many_messages_there_were() -> None:
    assert answered(lambda calls: calls.purge('q'), QueuePurge, QueuePurgeOk(7)) == 7


@pytest.mark.parametrize(
    ('call', 'error', 'text'),
    [
        (lambda calls: calls.declare(Queue()), ValueError, 'anonymous'),
        (lambda calls: calls.declare('q'), TypeError, 'only a Queue'),
        (lambda calls: calls.declare(Queue('q'), persistent='yes'), TypeError, 'persistent must'),
        (
            lambda calls: calls.declare(Queue('q'), True, passive=True),
            ValueError,
            'passive declaration',
        ),
        (lambda calls: calls.declare(QueueBind('q', 'ex', 'k'), passive=True), TypeError, 'only a'),
        (lambda calls: calls.bind('q', 'ex', 'k', persistent=1), TypeError, 'persistent must'),
        (lambda calls: calls.bind(Queue(), 'ex', 'k'), ValueError, 'anonymous'),
        (lambda calls: calls.bind(Exchange('ex'), 'ex', 'k'), TypeError, 'a Queue or a name'),
        (lambda calls: calls.bind('q', Queue('q'), 'k'), TypeError, 'an Exchange or a name'),
        (lambda calls: calls.bind_exchange('a', 'b', 'k', 'yes'), TypeError, 'persistent must'),
        (lambda calls: calls.delete_queue(Queue()), ValueError, 'anonymous'),
        (lambda calls: calls.delete_exchange(5), TypeError, 'exchange'),
        (lambda calls: calls.delete_queue(5), TypeError, 'a Queue or a name'),
        (lambda calls: calls.purge(5), TypeError, 'queue'),
        (lambda calls: calls.purge('x' * 300), ValueError, 'queue is 300 bytes long'),
    ],
)
def test_arguments_that_are_wrong_are_refused_at_once(
    call: Callable[[Calls], object], error: type[Exception], text: str
) -> None:
    tracer = Tracer()
    calls = Calls(tracer)
    with pytest.raises(error, match=text) as refused:
        call(calls)
    assert tracer.spans[0].ends == [refused.value]
    assert not calls.rig.engine.owes_answers
