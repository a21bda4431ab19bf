"""OpenTelemetry: spans for calls and messages.

Names and attributes follow the semantic conventions for messaging and RabbitMQ, version 1.44.0
(https://opentelemetry.io/docs/specs/semconv/messaging/rabbitmq/). Knows of a call only what its
`Call` says. Needs the extra `opentelemetry`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer, TracerProvider

import coolamqp
from coolamqp.tracing import Call

__all__ = ['OpenTelemetry', 'tracer_of']

SCHEMA_URL: Final = 'https://opentelemetry.io/schemas/1.44.0'
INSTRUMENTATION: Final = 'coolamqp'

# The operations on messages: their type, the kind of their span, and the name of the operation.
_OPERATIONS: Final = {
    'publish': ('send', SpanKind.PRODUCER, 'publish'),
    'publish_many': ('send', SpanKind.PRODUCER, 'publish'),
    'reply': ('send', SpanKind.PRODUCER, 'reply'),
    'call': ('send', SpanKind.PRODUCER, 'call'),
    'get': ('receive', SpanKind.CLIENT, 'get'),
    'drain': ('receive', SpanKind.CLIENT, 'drain'),
    'receive': ('receive', SpanKind.CLIENT, 'receive'),
    'commit': ('send', SpanKind.PRODUCER, 'commit'),
    'process': ('process', SpanKind.CONSUMER, 'process'),
    'ack': ('settle', SpanKind.CLIENT, 'ack'),
    'nack': ('settle', SpanKind.CLIENT, 'nack'),
    'reject': ('settle', SpanKind.CLIENT, 'reject'),
    'retry': ('settle', SpanKind.CLIENT, 'retry'),
}
# Details that the conventions name, and whether they are numbers.
_DETAILS: Final = {
    'routing_key': ('messaging.rabbitmq.destination.routing_key', False),
    'delivery_tag': ('messaging.rabbitmq.message.delivery_tag', True),
    'message_id': ('messaging.message.id', False),
    'correlation_id': ('messaging.message.conversation_id', False),
    'message_count': ('messaging.batch.message_count', True),
}
# The names that a broker makes for queues and replies.
_MADE_UP: Final = ('amq.gen-', 'amq.rabbitmq.reply-to')


def tracer_of(provider: TracerProvider | None = None) -> Tracer:
    """Return the tracer of CoolAMQP.

    :param provider: the provider; None for the global one
    """
    return trace.get_tracer(INSTRUMENTATION, coolamqp.__version__, provider, SCHEMA_URL)


class OpenTelemetry:
    """The `CallTracer` for OpenTelemetry.

    :param tracer: an OpenTelemetry tracer, or a provider of tracers
    """

    traces_settlements = True

    def __init__(self, tracer: Tracer | TracerProvider) -> None:
        self._tracer = tracer if isinstance(tracer, Tracer) else tracer_of(tracer)

    def begin(self, call: Call, parent: Span | None) -> OpenTelemetrySpan:
        """Start the span of a call."""
        around = context.get_current() if parent is None else trace.set_span_in_context(parent)
        _, kind, _ = _OPERATIONS.get(call.name, ('', SpanKind.CLIENT, ''))
        span = self._tracer.start_span(
            _span_name(call), around, kind=kind, attributes=_attributes_of(call)
        )
        return OpenTelemetrySpan(span, trace.set_span_in_context(span, around))

    @contextmanager
    def process(
        self, call: Call, headers: Sequence[Mapping[str, Any]], parent: Span | None
    ) -> Iterator[None]:
        """Return a block with an active span, a child of the span that has published the message.

        It has a link to that span, too, and to the span that the program has passed. The span of a
        batch only has links to the spans that have published its messages.
        """
        contexts = [_context_in(each) for each in headers]
        around = contexts[0] if len(contexts) == 1 else Context()
        created = [trace.get_current_span(each).get_span_context() for each in contexts]
        links = [Link(each) for each in created if each.is_valid]
        has_parent = trace.get_current_span(around).get_span_context().is_valid
        if parent is not None and has_parent:
            links.append(Link(parent.get_span_context()))
        elif parent is not None:
            around = trace.set_span_in_context(parent, around)
        span = self._tracer.start_span(
            _span_name(call),
            around,
            kind=SpanKind.CONSUMER,
            attributes=_attributes_of(call),
            links=links,
        )
        token = context.attach(trace.set_span_in_context(span, around))
        try:
            yield
        except BaseException as error:
            _record(span, error)
            raise
        finally:
            context.detach(token)
            span.end()


class OpenTelemetrySpan:
    """The `CallSpan` around an OpenTelemetry span.

    :param around: the context with the span
    """

    def __init__(self, span: Span, around: Context) -> None:
        self._span = span
        self._around = around

    def headers(self) -> dict[str, str]:
        """Return the context of the span, by the global propagator."""
        carrier: dict[str, str] = {}
        propagate.inject(carrier, self._around)
        return carrier

    def add_detail(self, name: str, value: str) -> None:
        """Add an attribute."""
        key, is_number = _DETAILS.get(name, (f'coolamqp.{name}', False))
        self._span.set_attribute(key, int(value) if is_number else value)

    def link(self, headers: Mapping[str, Any]) -> None:
        """Link the span to the one that has published a received message."""
        created = trace.get_current_span(_context_in(headers)).get_span_context()
        if created.is_valid:
            self._span.add_link(created)

    def end(self, error: BaseException | None = None) -> None:
        """End the span, with the error if there is one."""
        if error is not None:
            _record(self._span, error)
        self._span.end()


def _context_in(headers: Mapping[str, Any]) -> Context:
    texts = {name: value for name, value in headers.items() if isinstance(value, str)}
    return propagate.extract(texts, Context())


def _span_name(call: Call) -> str:
    name = _OPERATIONS.get(call.name, ('', SpanKind.CLIENT, call.name))[2]
    template = _template_of(call)
    return f'{name} {template}' if template else name


def _template_of(call: Call) -> str:
    """Return a destination with few values: without routing keys and names of the broker's own."""
    return '' if call.destination.startswith(_MADE_UP) else call.destination


def _destination_of(call: Call) -> str:
    """Return the destination as the conventions for RabbitMQ compose it."""
    exchange, key = call.details.get('exchange', ''), call.details.get('routing_key', '')
    parts = [exchange, key]
    if call.kind == 'consumer' or not (exchange or key):
        parts.append(call.destination)
    return ':'.join(dict.fromkeys(part for part in parts if part))


def _attributes_of(call: Call) -> dict[str, str | int | bool]:
    operation, _, name = _OPERATIONS.get(call.name, ('', SpanKind.CLIENT, call.name))
    found: dict[str, str | int | bool] = {
        'messaging.system': 'rabbitmq',
        'messaging.operation.name': name,
    }
    if operation:
        found['messaging.operation.type'] = operation
    destination = _destination_of(call)
    if destination or operation == 'send':
        found['messaging.destination.name'] = destination or 'amq.default'
    if _template_of(call):
        found['messaging.destination.template'] = _template_of(call)
    elif call.destination:
        found['messaging.destination.anonymous'] = True
        found['messaging.destination.temporary'] = True
    if call.peer is not None:
        found['server.address'], found['server.port'] = call.peer
    details = call.details
    if call.name == 'call':  # whose destination is a queue
        details = {'routing_key': call.destination, **details}
    for detail, value in details.items():
        key, is_number = _DETAILS.get(detail, ('', False))
        if key and value:
            found[key] = int(value) if is_number else value
    return found


def _record(span: Span, error: BaseException) -> None:
    kind = type(error)
    module = '' if kind.__module__ == 'builtins' else f'{kind.__module__}.'
    span.set_attribute('error.type', f'{module}{kind.__qualname__}')
    span.record_exception(error)
    span.set_status(Status(StatusCode.ERROR, str(error)))
