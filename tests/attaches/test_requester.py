"""Requests and their replies."""

from __future__ import annotations

import pytest

from coolamqp.attaches.requester import REPLY_TO
from coolamqp.exceptions import AMQPError, ConnectionDead, Returned
from coolamqp.framing.definitions import BasicConsume, BasicDeliver, ConnectionTune
from coolamqp.framing.method import Method
from coolamqp.framing.properties import BasicContentPropertyList
from tests.support.rig import Rig
from tests.support.scripted_broker import Published, ScriptedBroker


def requests(broker: ScriptedBroker) -> list[Published]:
    """Give the requests that came so far."""
    broker.serve()
    return [each for each in broker.published if each.routing_key == b'server']


def reply(broker: ScriptedBroker, request: Published, body: bytes) -> None:
    """Answer a request."""
    properties = BasicContentPropertyList(correlation_id=request.properties.correlation_id)
    method = BasicDeliver(b'tag', 1, False, b'', b'amq.rabbitmq.reply-to.x')
    broker.send_content(request.channel, method, body, properties)


def test_each_request_without_a_channel_fails_at_once() -> None:
    rig = Rig()
    rig.up(ConnectionTune(3, 0, 0))
    for _ in range(2):
        promise = rig.request()
        rig.carry_out()
        assert 'all 3 channels' in str(promise.error)


def test_replies_find_their_requests_in_any_order() -> None:
    rig = Rig()
    broker = rig.up()
    promises = [rig.request(b'%d' % n) for n in range(3)]
    sent = requests(broker)
    for request in reversed(sent):
        reply(broker, request, request.body + b'!')

    assert [promise.result().body for promise in promises] == [b'0!', b'1!', b'2!']
    assert all(request.properties.reply_to == REPLY_TO for request in sent)
    assert all(request.mandatory and request.exchange == b'' for request in sent)
    consume = broker.said(BasicConsume)[-1]
    assert (consume.queue, consume.no_ack) == (REPLY_TO, True)
    assert not rig.engine.owes_answers


def test_a_request_that_expires_and_its_late_reply() -> None:
    rig = Rig()
    broker = rig.up()
    promise = rig.request(timeout=5.0)
    (request,) = requests(broker)
    rig.advance(4.9)
    assert not promise.done()
    rig.advance(0.2)
    with pytest.raises(TimeoutError, match=r'no reply within 5\.0 s'):
        promise.result()

    reply(broker, request, b'late')

    assert 'nobody waits' in rig.logged()


def test_a_request_that_was_given_up_holds_up_no_shutdown() -> None:
    rig = Rig()
    broker = rig.up()
    promise = rig.request()
    requests(broker)
    assert rig.engine.owes_answers
    promise.set_exception(TimeoutError('the program has waited long enough'))

    assert not rig.engine.owes_answers


def test_a_request_that_expires_before_there_is_a_connection_is_not_sent() -> None:
    rig = Rig()
    promise = rig.request(timeout=5.0)
    rig.engine.tick(rig.clock.now + 6)
    rig.carry_out()
    assert isinstance(promise.ends[0], TimeoutError)
    assert requests(rig.up()) == []


def test_a_request_that_no_queue_takes() -> None:
    rig = Rig()
    broker = rig.up()
    promises = [rig.request(), rig.request()]
    first, second = requests(broker)
    broker.give_back(second)
    assert isinstance(promises[1].ends[0], Returned)
    reply(broker, first, b'fine')
    assert promises[0].result().body == b'fine'


def test_a_lost_connection_ends_what_was_sent_and_keeps_what_waits() -> None:
    rig = Rig()
    broker = rig.up()
    sent = rig.request(b'sent')
    assert len(requests(broker)) == 1
    rig.lose()
    waiting = rig.request(b'waiting')
    with pytest.raises(ConnectionDead, match='before the reply'):
        sent.result()

    rig.advance(1.0)
    broker = rig.up()

    (request,) = requests(broker)
    reply(broker, request, b'fine')
    assert waiting.result().body == b'fine'


def test_a_closed_channel_ends_what_was_sent_and_another_is_opened() -> None:
    rig = Rig()
    broker = rig.up()
    promise = rig.request()
    (request,) = requests(broker)
    broker.close_channel(request.channel, 406)
    broker.serve()
    assert isinstance(promise.ends[0], AMQPError)
    rig.advance(1.0)
    rig.request()
    assert len(requests(broker)) == 2


def test_a_broker_that_lets_nobody_consume_replies() -> None:
    def refuse(method: Method) -> int:
        return 403 if isinstance(method, BasicConsume) else 0

    rig = Rig()
    broker = rig.up()
    broker.refuses = refuse
    promise = rig.request()
    broker.serve()
    assert isinstance(promise.ends[0], AMQPError)


def test_properties_that_fit_into_no_frame_fail_their_request() -> None:
    rig = Rig()
    broker = rig.up(ConnectionTune(0, 4096, 60))
    message = BasicContentPropertyList(headers={'x': 'y' * 5000})
    promise = rig.request(properties=message)
    assert requests(broker) == []
    rig.carry_out()
    with pytest.raises(ValueError, match='do not fit'):
        promise.result()


def test_the_end_of_the_engine_ends_requests() -> None:
    rig = Rig()
    broker = rig.up()
    promises = [rig.request(), rig.request(timeout=100)]
    broker.serve()
    rig.engine.stop(rig.clock.now)
    rig.advance(20)
    assert all(isinstance(promise.ends[0], ConnectionDead) for promise in promises)
