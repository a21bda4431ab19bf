"""The hook for calls, on the SDK of OpenTelemetry with its exporter in memory."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.semconv._incubating.attributes import messaging_attributes as messaging
from opentelemetry.semconv.attributes import error_attributes, server_attributes
from opentelemetry.semconv.schemas import Schemas
from opentelemetry.trace import SpanKind, StatusCode

from coolamqp.telemetry import call_tracer
from coolamqp.telemetry.opentelemetry import SCHEMA_URL, OpenTelemetry
from coolamqp.tracing import Call
from tests.telemetry.support import Recorder, is_child, linked, span_id

PEER = ('rabbit.example', 5672)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def hook(recorder: Recorder) -> OpenTelemetry:
    return OpenTelemetry(recorder.tracer)


def attributes_of(recorder: Recorder, call: Call) -> dict[str, Any]:
    """Return the attributes of the span of a call."""
    OpenTelemetry(recorder.tracer).begin(call, None).end()
    return dict(recorder.spans[-1].attributes or {})


# The conventions


def test_a_publish_has_the_attributes_of_the_conventions(
    recorder: Recorder, hook: OpenTelemetry
) -> None:
    details = {
        'exchange': 'orders',
        'routing_key': 'new.4711',
        'message_id': 'm1',
        'correlation_id': 'c1',
    }
    hook.begin(Call('publish', 'producer', 'orders', PEER, details), None).end()

    span = recorder.only('publish orders')
    assert span.kind is SpanKind.PRODUCER
    assert span.attributes == {
        'messaging.system': 'rabbitmq',
        'messaging.operation.name': 'publish',
        'messaging.operation.type': 'send',
        'messaging.destination.name': 'orders:new.4711',
        'messaging.destination.template': 'orders',
        'messaging.rabbitmq.destination.routing_key': 'new.4711',
        'messaging.message.id': 'm1',
        'messaging.message.conversation_id': 'c1',
        'server.address': 'rabbit.example',
        'server.port': 5672,
    }
    assert span.status.status_code is StatusCode.UNSET


def test_attributes_and_version_are_those_of_the_package_of_the_conventions(
    recorder: Recorder,
) -> None:
    known = {
        value
        for module in (messaging, error_attributes, server_attributes)
        for name, value in vars(module).items()
        if name.isupper()
    }
    details = dict.fromkeys(('exchange', 'routing_key', 'message_id', 'correlation_id'), 'x')
    details |= dict.fromkeys(('delivery_tag', 'message_count'), '1')
    found = attributes_of(recorder, Call('publish', 'producer', 'x', PEER, details))
    found |= attributes_of(recorder, Call('get', 'consumer', 'amq.gen-x'))

    assert found.keys() <= known
    assert Schemas.V1_44_0.value == SCHEMA_URL
    assert recorder.spans[0].instrumentation_scope is not None
    assert recorder.spans[0].instrumentation_scope.schema_url == SCHEMA_URL


@pytest.mark.parametrize(
    ('name', 'kind', 'operation'),
    [
        ('publish', SpanKind.PRODUCER, 'send'),
        ('reply', SpanKind.PRODUCER, 'send'),
        ('call', SpanKind.PRODUCER, 'send'),
        ('get', SpanKind.CLIENT, 'receive'),
        ('drain', SpanKind.CLIENT, 'receive'),
        ('ack', SpanKind.CLIENT, 'settle'),
        ('nack', SpanKind.CLIENT, 'settle'),
        ('reject', SpanKind.CLIENT, 'settle'),
        ('declare', SpanKind.CLIENT, None),
        ('consume', SpanKind.CLIENT, None),
    ],
)
def test_each_operation_has_its_type_and_kind(
    recorder: Recorder, name: str, kind: SpanKind, operation: str | None
) -> None:
    found = attributes_of(recorder, Call(name, destination='jobs'))

    assert recorder.only(f'{name} jobs').kind is kind
    assert found['messaging.operation.name'] == name
    assert found.get('messaging.operation.type') == operation


@pytest.mark.parametrize(
    ('exchange', 'key', 'destination'),
    [
        ('logs', 'warning', 'logs:warning'),
        ('logs', '', 'logs'),
        ('', 'jobs', 'jobs'),
        ('', '', 'amq.default'),
    ],
)
def test_a_producer_has_exchange_and_routing_key_as_destination(
    recorder: Recorder, exchange: str, key: str, destination: str
) -> None:
    details = {'exchange': exchange, 'routing_key': key}
    found = attributes_of(recorder, Call('publish', 'producer', exchange or key, None, details))

    assert found['messaging.destination.name'] == destination


@pytest.mark.parametrize(
    ('exchange', 'key', 'queue', 'destination'),
    [
        ('logs', 'warning', 'alerts', 'logs:warning:alerts'),
        ('logs', '', 'alerts', 'logs:alerts'),
        ('', 'jobs', 'jobs', 'jobs'),
        ('logs', 'jobs', 'jobs', 'logs:jobs'),
    ],
)
def test_a_consumer_has_the_queue_as_well(
    recorder: Recorder, hook: OpenTelemetry, exchange: str, key: str, queue: str, destination: str
) -> None:
    details = {'exchange': exchange, 'routing_key': key, 'delivery_tag': '7'}
    with hook.process(Call('process', 'consumer', queue, PEER, details), [{}], None):
        pass

    span = recorder.only(f'process {queue}')
    assert span.kind is SpanKind.CONSUMER
    assert span.attributes is not None
    assert span.attributes['messaging.destination.name'] == destination
    assert span.attributes['messaging.rabbitmq.message.delivery_tag'] == 7


def test_names_that_a_broker_makes_are_in_no_span_name(recorder: Recorder) -> None:
    key = 'amq.rabbitmq.reply-to.g1h2'
    found = attributes_of(recorder, Call('reply', 'producer', key, None, {'routing_key': key}))

    assert recorder.names == ['reply']
    assert found['messaging.destination.anonymous'] is True
    assert found['messaging.destination.temporary'] is True
    assert found['messaging.destination.name'] == key
    assert 'messaging.destination.template' not in found


def test_an_error_is_recorded(recorder: Recorder, hook: OpenTelemetry) -> None:
    hook.begin(Call('declare', destination='q'), None).end(ValueError('nonsense'))

    span = recorder.only('declare q')
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == 'nonsense'
    assert span.attributes is not None
    assert span.attributes['error.type'] == 'ValueError'
    assert [event.name for event in span.events] == ['exception']


def test_details_that_come_later_are_attributes(recorder: Recorder, hook: OpenTelemetry) -> None:
    span = hook.begin(Call('publish_many', 'producer', 'q'), None)
    span.add_detail('message_count', '3')
    span.add_detail('event', 'NothingMuch')
    span.end()

    found = recorder.only('publish q').attributes
    assert found is not None
    assert found['messaging.batch.message_count'] == 3
    assert found['coolamqp.event'] == 'NothingMuch'


# Context


def test_the_parent_is_the_span_given_or_else_the_active_one(
    recorder: Recorder, hook: OpenTelemetry
) -> None:
    with recorder.tracer.start_as_current_span('given') as given:
        pass
    with recorder.tracer.start_as_current_span('active'):
        hook.begin(Call('of the active one'), None).end()
        hook.begin(Call('of the given one'), given).end()

    assert is_child(recorder.only('of the active one'), recorder.only('active'))
    assert is_child(recorder.only('of the given one'), recorder.only('given'))


def test_processing_is_a_child_of_the_publish_and_linked_to_it(
    recorder: Recorder, hook: OpenTelemetry
) -> None:
    token = context.attach(baggage.set_baggage('tenant', 'acme'))
    sender = hook.begin(Call('publish'), None)
    headers: dict[str, Any] = {'n': 1, 'raw': b'\xff', **sender.headers()}
    context.detach(token)
    sender.end()
    with recorder.tracer.start_as_current_span('of this thread') as ambient:
        with hook.process(Call('process', 'consumer', 'jobs'), [headers], None):
            assert baggage.get_baggage('tenant') == 'acme'
            hook.begin(Call('ack', 'consumer', 'jobs'), None).end()
        assert trace.get_current_span() is ambient

    processed, sent = recorder.only('process jobs'), recorder.only('publish')
    assert is_child(processed, sent)
    assert linked(processed) == [span_id(sent)]
    assert is_child(recorder.only('ack jobs'), processed)


def test_processing_is_linked_to_the_span_of_the_consumer(
    recorder: Recorder, hook: OpenTelemetry
) -> None:
    sender = hook.begin(Call('publish'), None)
    consumer = recorder.tracer.start_span('consumer')
    with hook.process(Call('process'), [sender.headers()], consumer):
        pass
    sender.end()
    consumer.end()

    processed = recorder.only('process')
    assert is_child(processed, recorder.only('publish'))
    assert linked(processed) == [span_id(recorder.only(name)) for name in ('publish', 'consumer')]


@pytest.mark.parametrize('headers', [{}, {'traceparent': 'nonsense'}, {'traceparent': 5}])
def test_without_a_context_in_the_headers_processing_begins_a_trace(
    recorder: Recorder, hook: OpenTelemetry, headers: dict[str, Any]
) -> None:
    with (
        recorder.tracer.start_as_current_span('of this thread'),
        hook.process(Call('process'), [headers], None),
    ):
        pass
    given = recorder.tracer.start_span('given')
    with hook.process(Call('process', destination='below'), [headers], given):
        pass
    given.end()

    assert recorder.only('process').parent is None
    assert recorder.only('process').links == ()
    assert is_child(recorder.only('process below'), recorder.only('given'))


def test_what_processing_raises_is_recorded_and_goes_on(
    recorder: Recorder, hook: OpenTelemetry
) -> None:
    with pytest.raises(KeyError), hook.process(Call('process'), [{}], None):
        raise KeyError

    assert recorder.only('process').status.status_code is StatusCode.ERROR
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_a_received_message_is_linked(recorder: Recorder, hook: OpenTelemetry) -> None:
    sender, receiver = hook.begin(Call('publish'), None), hook.begin(Call('get'), None)
    receiver.link(sender.headers())
    receiver.link({})
    sender.end()
    receiver.end()

    assert linked(recorder.only('get')) == [span_id(recorder.only('publish'))]


# The package


def test_tracers_and_providers_are_told_from_others() -> None:
    assert isinstance(call_tracer(Recorder().tracer), OpenTelemetry)
    assert isinstance(call_tracer(trace.get_tracer_provider()), OpenTelemetry)


def test_a_batch_has_links_to_all_messages_and_is_no_child(recorder: Recorder) -> None:
    hook = OpenTelemetry(recorder.tracer)
    senders = [hook.begin(Call('publish', 'producer', 'jobs'), None) for _ in range(2)]
    headers = [sender.headers() for sender in senders]
    for sender in senders:
        sender.end()
    with hook.process(
        Call('process', 'consumer', 'jobs', None, {'message_count': '3'}), [*headers, {}], None
    ):
        pass
    *published, batch = recorder.spans
    assert batch.parent is None
    assert linked(batch) == [span_id(span) for span in published]
    assert batch.attributes is not None
    assert batch.attributes['messaging.batch.message_count'] == 3
