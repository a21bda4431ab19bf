"""Spans: the context that messages carry, and the block in which one is processed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest

from coolamqp.api.spans import (
    all_with_context,
    destination_of,
    end_with,
    name_of,
    processing,
    with_context,
)
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.mailbox import Mailbox
from coolamqp.attaches.publication import Addressed
from coolamqp.exceptions import CoolAMQPError
from coolamqp.framing.field_table import plain_table
from coolamqp.framing.hot import Envelope
from coolamqp.framing.properties import ReceivedProperties
from coolamqp.objects import Exchange, ExchangeBind, Message, Queue, QueueBind
from coolamqp.tracing import Call
from tests.api.support import BrokenTracer, Span, Tracer
from tests.support.deliveries import PAYLOAD

PEER = ('broker', 5672)


def headers_of(message: Message) -> dict[str, Any]:
    return plain_table(ReceivedProperties(message.properties.encoded).headers or ())


# The end of a span


def ended(future: Future[Any]) -> list[BaseException | None]:
    span = Span(Call('get'), None)
    end_with(span, future)
    return span.ends


def test_a_span_ends_as_its_future_does() -> None:
    good, bad, error = Future[Any](), Future[Any](), OSError('lost')
    good.set_result('value')
    bad.set_exception(error)
    assert ended(good) == [None]
    assert ended(bad) == [error]


def test_a_cancelled_call_ends_its_span_with_an_error() -> None:
    future = Future[Any]()
    future.cancel()
    (error,) = ended(future)
    assert isinstance(error, CoolAMQPError)
    assert str(error) == 'the call was cancelled'


class BrokenSpan(Span):
    def end(self, error: BaseException | None = None) -> None:
        raise ZeroDivisionError('of the span')

    def headers(self) -> Mapping[str, str]:
        raise ZeroDivisionError('of the span')


BROKEN = BrokenSpan(Call('get'), None)


def test_a_span_that_raises_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    future = Future[Any]()
    future.set_result(None)
    end_with(BROKEN, future)
    assert headers_of(with_context(Message(b'', {'headers': {'a': 1}}), BROKEN)) == {'a': 1}
    assert caplog.messages.count('the tracer raised') == 2


# What messages carry


def test_a_message_carries_the_context_and_the_one_of_the_program_stays_as_it_is() -> None:
    message = Message(b'hello', {'headers': {'trace': 'old', 'mine': 5}, 'content_type': 'text'})
    carrying = with_context(message, Span(Call('publish'), None))
    assert headers_of(carrying) == {'trace': 'this one', 'mine': 5}
    assert carrying.body == b'hello'
    assert carrying.properties.content_type == 'text'
    assert headers_of(message)['trace'] == 'old'


def test_headers_in_the_typed_form_keep_their_types() -> None:
    typed = [(b'small', (1, 'b')), (b'trace', ('old', 'S'))]
    carrying = with_context(Message(b'', {'headers': typed}), Span(Call('publish'), None))
    headers = carrying.properties.headers
    assert isinstance(headers, list)
    assert headers[0] == (b'small', (1, 'b'))
    assert headers_of(carrying) == {'small': 1, 'trace': 'this one'}


def test_without_a_span_nothing_is_carried() -> None:
    items: list[Addressed] = [Message(b''), (Message(b''), 'ex', 'key')]
    message = Message(b'')
    assert with_context(message, None) is message
    assert all_with_context(items, None) is items


def test_items_with_an_address_keep_it() -> None:
    items: list[Any] = [Message(b'a'), (Message(b'b'), 'ex', 'key')]
    carrying: list[Any] = list(all_with_context(items, Span(Call('publish_many'), None)))
    bare, (addressed, *address) = carrying
    assert headers_of(bare) == headers_of(addressed) == {'trace': 'this one'}
    assert address == ['ex', 'key']


def test_what_is_no_message_is_left_for_publishing_to_refuse() -> None:
    span = Span(Call('publish_many'), None)
    items: list[Any] = [b'none']
    assert list(all_with_context(items, span)) == items


# What a call is about


@pytest.mark.parametrize(
    ('subject', 'name'),
    [
        (Queue('q'), 'q'),
        (Exchange('ex'), 'ex'),
        (QueueBind('q', 'ex', 'key'), 'q'),
        (ExchangeBind('to', 'from', 'key'), 'to'),
        ('q', 'q'),
        (b'q\xff', r'q\xff'),
        (memoryview(b'q'), 'q'),
        (Queue(), ''),
        (None, ''),
        (5, ''),
    ],
)
def test_the_name_of_a_subject(subject: object, name: str) -> None:
    assert name_of(subject) == name


def test_the_destination_in_the_default_exchange_is_the_queue() -> None:
    assert destination_of('ex', 'key') == 'ex'
    assert destination_of(None, 'queue') == destination_of(Exchange(''), 'queue') == 'queue'


# Processing


def received(headers: bytes = b'') -> Delivery:
    """Return a message whose properties are headers, as the broker encodes them."""
    properties = b'\x20\x00' + len(headers).to_bytes(4) + headers
    return Delivery(Envelope(PAYLOAD), properties, b'', None, None)


def mailbox() -> Mailbox:
    mailbox = Mailbox(Queue('q'), print)
    mailbox.span = 'the span of the program'
    return mailbox


def test_the_tracer_learns_what_is_processed() -> None:
    tracer, done = Tracer(), []
    with processing(tracer, mailbox(), received(b'\x05traceS\x00\x00\x00\x01x'), PEER):
        done.append(True)
    details = {'exchange': '', 'routing_key': 'key'}
    call = Call('process', 'consumer', 'q', PEER, details)
    assert tracer.processed == [(call, [{'trace': 'x'}], 'the span of the program')]
    assert tracer.raised == [None]


def test_what_a_callback_raises_is_told_to_the_tracer_and_raised() -> None:
    tracer, error = Tracer(), ValueError('stumbled')
    with (
        pytest.raises(ValueError, match='stumbled'),
        processing(tracer, mailbox(), received(), PEER),
    ):
        raise error
    assert tracer.raised == [error]


def test_a_tracer_that_raises_before_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    done = []
    with processing(BrokenTracer(), mailbox(), received(), PEER):
        done.append(True)
    assert done
    assert 'the tracer raised' in caplog.text


class Forgetful(Tracer):
    """Raises when a message has been processed."""

    @contextmanager
    def process(
        self, call: Call, headers: Sequence[Mapping[str, Any]], parent: Any
    ) -> Iterator[None]:
        try:
            yield
        finally:
            raise ZeroDivisionError('of the tracer')


def test_a_tracer_that_raises_afterwards_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with processing(Forgetful(), mailbox(), received(), PEER):
        pass
    with (
        pytest.raises(ValueError, match='stumbled'),
        processing(Forgetful(), mailbox(), received(), PEER),
    ):
        raise ValueError('stumbled')
    assert caplog.messages.count('the tracer raised') == 2


def test_headers_that_are_none_are_for_the_callback_to_find() -> None:
    tracer, done = Tracer(), []
    with processing(tracer, mailbox(), received(b'\x05trace?'), PEER):
        done.append(True)
    assert done
    assert tracer.processed[0][1] == [{}]
