"""One call that the broker will not have costs that call, and nothing else: not even when the
broker closes the whole connection for it.
"""

from __future__ import annotations

import pytest

from coolamqp.attaches.events import ConnectionLost
from coolamqp.attaches.operation import declare
from coolamqp.attaches.publication import Publication
from coolamqp.exceptions import AMQPError, ConnectionDead
from coolamqp.framing.definitions import (
    BasicAck,
    BasicConsume,
    BasicPublish,
    ConnectionClose,
    ExchangeDeclare,
    QueueDeclare,
)
from coolamqp.objects import Exchange, Message, Queue
from coolamqp.supervisor.states import EngineState
from tests.support.ending import Ending
from tests.support.rig import Rig

STRANGE = Exchange('strange', b'x-not-installed')


def test_a_declaration_that_closes_the_connection_fails_alone() -> None:
    rig = Rig()
    broker = rig.up()
    refused, other = Ending(), Ending()
    rig.engine.call(declare(STRANGE), refused)
    rig.engine.call(declare(Queue('fine')), other)
    broker.send(0, ConnectionClose(503, 'invalid exchange type', *ExchangeDeclare.INDEX))
    rig.carry_out()
    assert isinstance(refused.error, AMQPError)
    rig.advance(1)
    assert [method.queue for method in rig.up().said(QueueDeclare)] == [b'fine']
    rig.carry_out()
    assert other.result() is None


def test_a_consumer_that_closes_the_connection_fails_alone() -> None:
    rig = Rig()
    broker = rig.up()
    consumer = rig.consume(Queue('q', exchange=STRANGE))
    future = consumer.future_to_notify
    broker.unanswered.add('exchange.declare')
    broker.serve()
    broker.send(0, ConnectionClose(503, 'invalid exchange type', *ExchangeDeclare.INDEX))
    rig.carry_out()
    assert isinstance(future, Ending)
    assert isinstance(future.error, AMQPError)
    assert consumer.cancelled


def test_a_message_that_closes_the_connection_is_found_and_fails_alone() -> None:
    rig = Rig()
    broker = rig.up()
    good, bad, fine = (rig.publish(body) for body in (b'good', b'bad', b'fine'))
    broker.serve()
    close = ConnectionClose(501, 'a message that is none', *BasicPublish.INDEX)
    broker.send(0, close)
    rig.carry_out()
    assert not any(ending.done() for ending in (good, bad, fine))

    rig.advance(1)
    broker = rig.up()
    assert [each.body for each in broker.published] == [b'good']
    broker.send(broker.published[0].channel, BasicAck(1, False))
    broker.serve()
    assert [each.body for each in broker.published] == [b'good', b'bad']
    broker.send(0, close)
    rig.carry_out()
    assert good.result() is None
    assert isinstance(bad.error, AMQPError)

    rig.advance(1)
    broker = rig.up()
    broker.send(broker.published[0].channel, BasicAck(1, False))
    rig.carry_out()
    assert [each.body for each in broker.published] == [b'fine']
    assert fine.result() is None


def test_what_does_not_fit_into_a_frame_is_not_sent() -> None:
    rig = Rig()
    broker = rig.up()
    publication = Publication(Message(b'', {'headers': {'x': bytes(140_000)}}), b'', b'')
    too_large, declared, good = Ending(), Ending(), rig.publish(b'good')
    publication.promise = too_large
    rig.engine.window.publish(publication)
    rig.engine.call(declare(Queue('q', arguments={'x': bytes(140_000)})), declared)
    consumer = rig.consume(Queue('p', arguments={'x': bytes(140_000)}))
    future = consumer.future_to_notify
    broker.serve()
    rig.carry_out()

    for ending in (too_large, declared, future):
        assert isinstance(ending, Ending)
        assert isinstance(ending.error, ValueError)
    assert [each.body for each in broker.published] == [b'good']
    assert not good.done()
    assert rig.reported(ConnectionLost) == []


def test_arguments_that_were_made_unencodable_later_fail_their_call_only() -> None:
    rig = Rig()
    broker = rig.up()
    arguments: dict[str, object] = {}
    refused, good = Ending(), Ending()
    queue = Queue('q', arguments=arguments)
    arguments['x'] = object()
    rig.engine.call(declare(queue), refused)
    rig.engine.call(declare(Queue('fine')), good)
    broker.serve()
    rig.carry_out()
    assert isinstance(refused.error, TypeError)
    assert good.result() is None


def test_what_was_sent_cannot_be_taken_back_even_if_its_connection_is_lost() -> None:
    rig = Rig()
    rig.up()
    publication = Publication(Message(b'sent'), b'', b'')
    publication.promise = Ending()
    rig.engine.window.publish(publication)
    rig.lose()
    assert not rig.engine.withdraw(publication)
    assert rig.engine.owes_answers


def test_a_consumer_that_ran_waits_for_a_queue_whose_node_is_away() -> None:
    rig = Rig()
    broker = rig.up()
    consumer = rig.consume(Queue('home', durable=True))
    broker.serve()
    rig.lose()
    rig.advance(1)
    broker = rig.connect()
    broker.refuses = lambda method: 404 if isinstance(method, QueueDeclare) else 0
    broker.shake_hands()
    broker.serve()
    assert rig.state() is EngineState.UP
    assert not consumer.cancelled
    broker.refuses = lambda _method: 0
    rig.advance(1)
    broker.serve()
    assert len(broker.said(BasicConsume)) == 1


@pytest.mark.parametrize('connected', [True, False])
def test_abort_ends_everything_at_once(connected: bool) -> None:
    rig = Rig()
    if connected:
        rig.up()
    else:
        rig.engine.start(rig.clock.now)
    endings = [rig.publish(b'x'), Ending()]
    rig.engine.call(declare(Queue('q')), endings[1])
    assert rig.engine.owes_answers
    rig.engine.abort()
    rig.carry_out()
    assert rig.state() is EngineState.STOPPED
    assert all(isinstance(ending.error, ConnectionDead) for ending in endings)
    assert not rig.engine.owes_answers
