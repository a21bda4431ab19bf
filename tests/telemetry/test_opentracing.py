"""The hook for calls, on OpenTracing's own mock tracer."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from opentracing import Format, SpanContext
from opentracing.mocktracer import MockTracer

from coolamqp.api.spans import with_context
from coolamqp.objects import Message
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
    sender = hook.begin(Call('publish'), None)
    headers: dict[str, Any] = {'n': 1, 'raw': b'\xff', **sender.headers()}

    with hook.process(Call('process', 'consumer', 'jobs'), [headers], None):
        active: Any = tracer.active_span
        assert tracer.finished_spans() == []

    assert tracer.active_span is None
    sender.end()
    span, sent = only(tracer, 'process'), only(tracer, 'publish')
    assert active is span
    assert span.parent_id == sent.context.span_id
    assert span.context.trace_id == sent.context.trace_id
    assert span.tags['span.kind'] == 'consumer'
    assert span.tags['message_bus.destination'] == 'jobs'


@pytest.mark.parametrize(
    'headers',
    [{}, {'ot-tracer-spanid': 'no number', 'ot-tracer-traceid': '1'}, {'ot-tracer-spanid': 5}],
)
def test_without_a_context_in_the_headers_processing_begins_a_trace(
    tracer: MockTracer, hook: OpenTracing, headers: dict[str, Any]
) -> None:
    with tracer.start_active_span('of this thread'), hook.process(Call('process'), [headers], None):
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

    with OpenTracing(tracer).process(Call('process'), [headers], given):
        pass

    assert [each.type for each in tracer.references] == ['follows_from', 'follows_from']
    sent, own = (each.referenced_context for each in tracer.references)
    assert sent.span_id == sender.context.span_id
    assert own is consumer.context


def test_what_processing_raises_is_logged_and_goes_on(
    tracer: MockTracer, hook: OpenTracing
) -> None:
    error = KeyError('oops')
    with pytest.raises(KeyError), hook.process(Call('process'), [{}], None):
        raise error

    span = only(tracer, 'process')
    assert span.tags['error'] is True
    assert errors_of(span)[0]['error.object'] is error
    assert tracer.active_span is None


# What messages carry


def test_a_tracer_that_injects_nothing_leaves_the_message_as_it_is() -> None:
    class Silent(MockTracer):
        def inject(self, span_context: SpanContext, format: str, carrier: object) -> None:  # noqa: A002
            """Sample nothing."""

    message = Message(b'x')
    span = OpenTracing(Silent()).begin(Call('publish'), None)

    assert with_context(message, span) is message


# The package


def test_no_tracer_is_no_hook() -> None:
    assert call_tracer(None) is None


def test_what_is_no_tracer_is_refused() -> None:
    with pytest.raises(
        TypeError, match="tracer must be a tracer of OpenTelemetry or OpenTracing, or None, not 'x'"
    ):
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
