"""Fetching a message, and asking for a reply."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from coolamqp.api.requests import RequestCalls, check_timeout
from coolamqp.framing.definitions import BasicGet
from coolamqp.objects import Message, Queue
from tests.api.support import RigCommands, Tracer


class Calls(RequestCalls[Future[Any]]):
    def __init__(self, tracer: Tracer | None = None) -> None:
        self._core = RigCommands(tracer)
        self.rig = self._core.rig


@pytest.mark.parametrize('queue', ['q', b'q', Queue('q')], ids=str)
def test_a_queue_is_given_by_name_or_as_an_object(queue: Any) -> None:
    calls = Calls()
    broker = calls.rig.up()
    broker.unanswered.add('basic.get')
    calls.get(queue, no_ack=True)
    assert BasicGet(b'q', True) in broker.serve()


@pytest.mark.parametrize('body', [b'2 + 2', Message(b'2 + 2', {'content_type': 'sum'})])
def test_a_request_is_a_body_or_a_message(body: Any) -> None:
    calls = Calls()
    broker = calls.rig.up()
    calls.call(body, 'sums')
    broker.serve()
    (request,) = broker.published
    assert (request.body, request.routing_key) == (b'2 + 2', b'sums')
    assert request.properties.reply_to == b'amq.rabbitmq.reply-to'


def test_a_request_carries_the_context_of_its_span() -> None:
    tracer = Tracer()
    calls = Calls(tracer)
    broker = calls.rig.up()
    future = calls.call(b'?', 'sums', timeout=5.0)
    broker.serve()
    assert b'this one' in broker.published[0].properties.encoded
    assert tracer.spans[0].ends == []
    calls.rig.advance(5.0)
    assert isinstance(future.exception(), TimeoutError)
    assert tracer.spans[0].ends == [future.exception()]


def test_arguments_that_are_wrong_are_refused_at_once() -> None:
    calls = Calls()
    with pytest.raises(TypeError, match='queue'):
        calls.get(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match='routing_key'):
        calls.call(b'?', 5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='timeout'):
        calls.call(b'?', 'sums', -1)
    assert not calls.rig.engine.owes_answers


@pytest.mark.parametrize('timeout', [None, 0, 5, 0.5])
def test_a_timeout_is_a_number_of_seconds_or_none(timeout: Any) -> None:
    check_timeout(timeout)


@pytest.mark.parametrize('timeout', [True, '5', b'', [5]])
def test_a_timeout_of_another_type_is_refused(timeout: Any) -> None:
    with pytest.raises(TypeError, match='timeout must be a number of seconds or None'):
        check_timeout(timeout)


def test_a_timeout_before_now_is_refused() -> None:
    with pytest.raises(ValueError, match='timeout must be 0 or more seconds, not -1'):
        check_timeout(-1)
