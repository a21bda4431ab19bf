"""The hook for calls, on OpenTracing's own mock tracer."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import Future
from functools import partial
from typing import Any, NoReturn

import pytest
from opentracing import Format, SpanContext
from opentracing.mocktracer import MockTracer

from coolamqp.api.spans import (
    all_with_context,
    end_span,
    end_with,
    name_of,
    processing,
    with_context,
)
from coolamqp.attaches.mailbox import Mailbox
from coolamqp.framing.properties import ReceivedProperties
from coolamqp.objects import (
    Exchange,
    ExchangeBind,
    Message,
    MessageProperties,
    Queue,
    QueueBind,
    ReceivedMessage,
)
from coolamqp.telemetry import call_tracer
from coolamqp.telemetry.opentracing import OpenTracing
from coolamqp.tracing import Call
from tests.telemetry.support import errors_of, only

PEER = ('rabbit.example', 5672)


@pytest.fixture
def tracer() -> MockTracer:
    return MockTracer()


@pytest.fixture
def hook(tracer: MockTracer) -> OpenTracing:
    return OpenTracing(tracer)


# Calls


def test_a_call_is_a_span_with_the_tags_of_the_conventions(
    tracer: MockTracer, hook: OpenTracing
) -> None:
    hook.begin(Call('publish', 'producer', 'orders', PEER, {'routing_key': 'new'}), None).end()

    span = only(tracer, 'publish')
    assert span.parent_id is None
    assert span.tags == {
        'component': 'coolamqp',
        'span.kind': 'producer',
        'message_bus.destination': 'orders',
        'peer.service': 'rabbitmq',
        'peer.address': 'rabbit.example:5672',
        'peer.hostname': 'rabbit.example',
        'peer.port': 5672,
        'amqp.routing_key': 'new',
    }
    assert span.logs == []


def test_what_is_not_known_is_no_tag(tracer: MockTracer, hook: OpenTracing) -> None:
    hook.begin(Call('drain', 'consumer'), None).end()

    assert only(tracer, 'drain').tags == {'component': 'coolamqp', 'span.kind': 'consumer'}


def test_an_ipv6_address_stands_in_brackets(tracer: MockTracer, hook: OpenTracing) -> None:
    hook.begin(Call('declare', peer=('::1', 5672)), None).end()

    assert only(tracer, 'declare').tags['peer.address'] == '[::1]:5672'


def test_a_span_ends_when_it_is_ended(tracer: MockTracer, hook: OpenTracing) -> None:
    span = hook.begin(Call('drain', 'consumer'), None)
    assert tracer.finished_spans() == []

    span.add_detail('event', 'NothingMuch')
    span.end()
    assert only(tracer, 'drain').tags['amqp.event'] == 'NothingMuch'


def test_the_parent_is_the_span_given_or_else_the_active_one(
    tracer: MockTracer, hook: OpenTracing
) -> None:
    given = tracer.start_span('given')
    with tracer.start_active_span('active'):
        active: Any = tracer.active_span
        hook.begin(Call('of the active one'), None).end()
        hook.begin(Call('of the given one'), given).end()
        hook.begin(Call('of its context'), given.context).end()

    assert only(tracer, 'of the active one').parent_id == active.context.span_id
    assert only(tracer, 'of the given one').parent_id == given.context.span_id
    assert only(tracer, 'of its context').parent_id == given.context.span_id


def test_an_error_is_tagged_and_logged(tracer: MockTracer, hook: OpenTracing) -> None:
    error = ValueError('nonsense')
    hook.begin(Call('declare'), None).end(error)

    span = only(tracer, 'declare')
    assert span.tags['error'] is True
    assert errors_of(span) == [
        {
            'event': 'error',
            'error.kind': 'ValueError',
            'error.object': error,
            'message': 'nonsense',
        }
    ]


# Messages that are received


def test_processing_follows_from_the_context_in_the_headers(
    tracer: MockTracer, hook: OpenTracing
) -> None:
    sender = tracer.start_span('sender')
    headers: dict[str, Any] = {'n': 1, 'raw': b'\xff'}
    tracer.inject(sender.context, Format.TEXT_MAP, headers)

    with hook.process(Call('process', 'consumer', 'jobs'), headers, None):
        active: Any = tracer.active_span
        assert tracer.finished_spans() == []

    assert tracer.active_span is None
    span = only(tracer, 'process')
    assert active is span
    assert span.parent_id == sender.context.span_id
    assert span.context.trace_id == sender.context.trace_id
    assert span.tags['span.kind'] == 'consumer'
    assert span.tags['message_bus.destination'] == 'jobs'


@pytest.mark.parametrize(
    'headers',
    [{}, {'ot-tracer-spanid': 'no number', 'ot-tracer-traceid': '1'}, {'ot-tracer-spanid': 5}],
)
def test_without_a_context_in_the_headers_processing_begins_a_trace(
    tracer: MockTracer, hook: OpenTracing, headers: dict[str, Any]
) -> None:
    with tracer.start_active_span('of this thread'), hook.process(Call('process'), headers, None):
        pass

    assert only(tracer, 'process').parent_id is None


class ReferenceTracer(MockTracer):
    """Keeps the references that spans are started with; the mock uses only the first."""

    references: list[Any]

    def start_span(self, *args: Any, **kwargs: Any) -> Any:
        self.references = kwargs.get('references', [])
        return super().start_span(*args, **kwargs)


@pytest.mark.parametrize('as_context', [False, True])
def test_processing_refers_to_the_span_of_the_consumer_too(as_context: bool) -> None:
    tracer = ReferenceTracer()
    sender: Any = tracer.start_span('sender')
    consumer = tracer.start_span('consumer')
    headers: dict[str, str] = {}
    tracer.inject(sender.context, Format.TEXT_MAP, headers)
    given: Any = consumer.context if as_context else consumer

    with OpenTracing(tracer).process(Call('process'), headers, given):
        pass

    assert [each.type for each in tracer.references] == ['follows_from', 'follows_from']
    sent, own = (each.referenced_context for each in tracer.references)
    assert sent.span_id == sender.context.span_id
    assert own is consumer.context


def test_headers_that_cannot_be_read_are_no_context(tracer: MockTracer, hook: OpenTracing) -> None:
    headers_that_end_early = b'\x20\x00' + b'\x00\x00\x00\x05\x04abc'
    message = ReceivedMessage(b'', '', 'jobs', ReceivedProperties(headers_that_end_early))

    with processing(hook, Mailbox(Queue('jobs'), print), message, PEER):
        pass

    assert only(tracer, 'process').parent_id is None


def test_what_processing_raises_is_logged_and_goes_on(
    tracer: MockTracer, hook: OpenTracing
) -> None:
    error = KeyError('oops')
    with pytest.raises(KeyError), hook.process(Call('process'), {}, None):
        raise error

    span = only(tracer, 'process')
    assert span.tags['error'] is True
    assert errors_of(span)[0]['error.object'] is error
    assert tracer.active_span is None


# What messages carry


def test_a_message_gets_the_context_and_keeps_its_own_headers(
    tracer: MockTracer, hook: OpenTracing
) -> None:
    message = Message(b'x', {'headers': {'n': 1}, 'app_id': 'billing'})
    span = hook.begin(Call('publish'), None)

    sent = with_context(message, span)

    assert sent.body == b'x'
    assert sent.properties.app_id == 'billing'
    assert message.properties == MessageProperties(headers={'n': 1}, app_id='billing')
    assert received_headers(sent) == {b'n': 1, **span_headers(span)}


def test_headers_in_the_typed_form_keep_their_types(hook: OpenTracing) -> None:
    typed = [(b'small', (1, 'b')), (b'ot-tracer-spanid', ('old', 'S'))]
    span = hook.begin(Call('publish'), None)

    sent = with_context(Message(b'', {'headers': typed}), span)

    headers = sent.properties.headers
    assert isinstance(headers, list)
    assert headers[0] == (b'small', (1, 'b'))
    assert [name for name, _ in headers] == [b'small', *span_headers(span)]
    assert received_headers(sent) == {b'small': 1, **span_headers(span)}


def test_of_many_messages_each_gets_the_context_with_its_address_or_without(
    hook: OpenTracing,
) -> None:
    span = hook.begin(Call('publish_many'), None)
    items: list[Any] = [Message(b'a'), (Message(b'b'), 'exchange', 'key'), 'rubbish', ()]

    given: list[Any] = list(all_with_context(items, span))
    plain, (addressed, *address), *rubbish = given

    assert received_headers(plain) == received_headers(addressed) == span_headers(span)
    assert address == ['exchange', 'key']
    assert rubbish == ['rubbish', ()]
    assert all_with_context(items, None) is items


def test_a_message_without_span_is_left_as_it_is() -> None:
    message = Message(b'')

    assert with_context(message, None) is message


def received_headers(message: Any) -> dict[bytes, Any]:
    return {name: value for name, (value, _) in message.properties.headers}


def span_headers(span: Any) -> dict[bytes, str]:
    return {name.encode(): value for name, value in span.headers().items()}


# A tracer that is not well


class BrokenSpan:
    """Raises whenever it can."""

    def headers(self) -> NoReturn:
        raise OSError('the tracer is not well')

    def add_detail(self, name: str, value: str) -> NoReturn:
        raise OSError('the tracer is not well')

    def end(self, error: BaseException | None = None) -> NoReturn:
        raise OSError('the tracer is not well')


def test_a_tracer_that_raises_costs_neither_call_nor_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    message = Message(b'x')

    end_span(BrokenSpan())
    assert with_context(message, BrokenSpan()) is message

    assert [record.getMessage() for record in caplog.records] == ['the tracer raised'] * 2


def test_a_tracer_that_injects_nothing_leaves_the_message_as_it_is() -> None:
    class Silent(MockTracer):
        def inject(self, span_context: SpanContext, format: str, carrier: object) -> None:  # noqa: A002
            """Sample nothing."""

    message = Message(b'x')
    span = OpenTracing(Silent()).begin(Call('publish'), None)

    assert with_context(message, span) is message


# What is given


@pytest.mark.parametrize(
    ('subject', 'name'),
    [
        (Queue('jobs'), 'jobs'),
        (Queue(), ''),
        (Exchange('orders'), 'orders'),
        (QueueBind('jobs', 'orders', 'new'), 'jobs'),
        (ExchangeBind('archive', 'orders'), 'archive'),
        ('text', 'text'),
        (b'\xffbytes', '\\xffbytes'),
        (None, ''),
        (5, ''),
    ],
)
def test_the_destination_is_a_name(subject: object, name: str) -> None:
    assert name_of(subject) == name


def test_a_span_ends_as_its_future(tracer: MockTracer, hook: OpenTracing) -> None:
    good, bad, cancelled = (Future[None]() for _ in range(3))
    for name, future in (('good', good), ('bad', bad), ('cancelled', cancelled)):
        future.add_done_callback(partial(end_with, hook.begin(Call(name), None)))

    good.set_result(None)
    bad.set_exception(ValueError('nonsense'))
    cancelled.cancel()

    assert errors_of(only(tracer, 'good')) == []
    assert errors_of(only(tracer, 'bad'))[0]['message'] == 'nonsense'
    assert errors_of(only(tracer, 'cancelled'))[0]['message'] == 'the call was cancelled'


# The package


def test_no_tracer_is_no_hook() -> None:
    assert call_tracer(None) is None


def test_what_is_no_tracer_is_refused() -> None:
    with pytest.raises(TypeError, match="tracer must be an OpenTracing tracer or None, not 'x'"):
        call_tracer('x')


def run(program: str) -> str:
    """Run a program in an interpreter of its own, and give what it prints."""
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def test_without_a_tracer_the_package_is_not_imported() -> None:
    program = """
import sys
from coolamqp.clustering import Cluster
from coolamqp.objects import NodeDefinition
Cluster(NodeDefinition('amqp://guest:guest@localhost/'))
print('opentracing' in sys.modules)
"""

    assert run(program) == 'False\n'


def test_without_the_package_a_tracer_is_refused_with_what_to_install() -> None:
    program = """
import sys
sys.modules['opentracing'] = None  # so that importing it fails
from coolamqp.clustering import Cluster
from coolamqp.objects import NodeDefinition
try:
    Cluster(NodeDefinition('amqp://guest:guest@localhost/'), tracer=object())
except RuntimeError as error:
    print(error)
"""

    assert 'pip install coolamqp[opentracing]' in run(program)
