"""Declaring: pipelined, in order, and each refusal for its own operation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from coolamqp.attaches.declarer import Declarer
from coolamqp.attaches.operation import Operation, declare
from coolamqp.exceptions import AMQPError, ConnectionDead
from coolamqp.framing.definitions import ConnectionTune, QueueDeclare, QueueDelete, QueuePurge
from coolamqp.framing.method import Method
from coolamqp.objects import Exchange, Queue
from tests.support.ending import Ending
from tests.support.rig import Rig
from tests.support.scripted_broker import ScriptedBroker


def ask(rig: Rig, *names: str) -> list[Ending]:
    """Declare queues, each with an exchange and a binding."""
    endings = []
    for name in names:
        endings.append(Ending())
        rig.engine.call(declare(Queue(name, exchange=Exchange('ex'))), endings[-1])
    return endings


def refuse(*names: bytes) -> Callable[[Method], int]:
    """Refuse to declare these queues."""
    return lambda m: 406 if isinstance(m, QueueDeclare) and m.queue in names else 0


def declared(broker: ScriptedBroker) -> list[object]:
    """Give the names of the queues that were asked for."""
    return [method.queue for method in broker.said(QueueDeclare)]


def test_operations_do_not_wait_for_each_other() -> None:
    rig = Rig()
    broker = rig.up()
    endings = ask(rig, 'a', 'b', 'c')
    assert [method.NAME for method in broker.methods()] == [
        'exchange.declare', 'queue.declare', 'queue.bind',
    ] * 3  # fmt: skip
    assert not any(ending.done() for ending in endings)


def test_a_refusal_fails_its_operation_and_the_rest_is_sent_again() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = refuse(b'b', b'd')
    endings = ask(rig, 'a', 'b', 'c', 'd', 'e')
    broker.serve()
    for ending, good in zip(endings, (True, False, True, False, True), strict=True):
        if good:
            assert ending.result() is None
        else:
            assert isinstance(ending.error, AMQPError)
    assert list(dict.fromkeys(declared(broker))) == [b'a', b'b', b'c', b'd', b'e']
    assert not rig.engine.owes_answers


@pytest.mark.parametrize('unanswered', ['exchange.declare', 'queue.declare', 'queue.bind'])
def test_what_was_not_answered_is_sent_again_from_its_beginning(unanswered: str) -> None:
    rig = Rig()
    broker = rig.up()
    broker.unanswered = {unanswered, 'queue.bind'}
    if unanswered == 'exchange.declare':
        broker.unanswered.add('queue.declare')
    (ending,) = ask(rig, 'a')
    broker.serve()
    assert rig.engine.owes_answers
    rig.lose()
    endings = [ending, *ask(rig, 'b')]
    rig.advance(1)
    broker = rig.up()
    assert [method.NAME for _, method in broker.log if method.NAME != 'channel.open'][:6] == [
        'exchange.declare', 'queue.declare', 'queue.bind',
    ] * 2  # fmt: skip
    assert declared(broker) == [b'a', b'b']
    assert [ending.result() for ending in endings] == [None, None]


def test_a_channel_that_was_closed_for_nothing_of_ours_is_opened_again() -> None:
    rig = Rig()
    broker = rig.up()
    broker.close_channel(1, 541)
    broker.serve()
    endings = ask(rig, 'a')
    assert broker.serve() == []
    rig.advance(0.1)
    broker.serve()
    assert endings[0].result() is None


def test_without_a_channel_operations_fail_until_there_is_one_again() -> None:
    rig = Rig()
    broker = rig.up(ConnectionTune(3, 0, 0))  # for two publishers, and one more
    broker.close_channel(1, 541)
    broker.serve()
    consumer = rig.consume(Queue('jobs'))  # which has the only number now
    (failed,) = ask(rig, 'a')
    broker.serve()
    rig.advance(0.1)
    assert 'all 3 channels' in str(failed.error)
    assert not rig.engine.owes_answers

    consumer.cancel()
    broker.serve()
    (ending,) = ask(rig, 'a')
    rig.advance(1)
    broker.serve()
    assert ending.result() is None


def test_operations_that_are_withdrawn_are_forgotten() -> None:
    declarer = Declarer()
    done: list[str] = []
    methods: list[Method] = [QueueDelete(b'q')]
    withdrawn = Operation(methods, lambda _error, _answer: done.append('withdrawn'))
    kept = Operation(methods, lambda _error, _answer: done.append('kept'))
    declarer.submit(withdrawn)
    declarer.submit(kept)
    declarer.withdraw([withdrawn])
    assert declarer.busy
    declarer.fail_all(ConnectionDead('the end'))
    assert done == ['kept']
    assert not declarer.busy


def test_what_must_not_be_repeated_fails_with_the_connection() -> None:
    rig = Rig()
    broker = rig.up()
    broker.unanswered.update({'queue.purge', 'queue.delete'})
    purge, delete, late = Ending(), Ending(), Ending()
    rig.engine.call([QueuePurge(b'q')], purge, repeatable=False)
    rig.engine.call([QueueDelete(b'q')], delete)
    broker.serve()
    rig.lose()
    rig.engine.call([QueuePurge(b'q')], late, repeatable=False)  # it was never sent
    assert isinstance(purge.ends[0], ConnectionDead)
    assert not delete.done()

    rig.advance(1.0)
    broker = rig.up()

    assert len(broker.said(QueuePurge)) == 1
    assert delete.done()
    assert late.done()


def test_what_the_broker_has_ignored_behind_a_refusal_is_asked_again() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = lambda method: 404 if isinstance(method, QueueDelete) else 0
    delete, purge = Ending(), Ending()
    rig.engine.call([QueueDelete(b'q')], delete)
    rig.engine.call([QueuePurge(b'q')], purge, repeatable=False)
    broker.serve()
    rig.carry_out()
    assert isinstance(delete.ends[0], AMQPError)
    assert purge.ends == [None]
