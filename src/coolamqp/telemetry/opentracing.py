"""OpenTracing: spans for calls and for received messages.

Names and tags follow OpenTracing's semantic conventions
(https://github.com/opentracing/specification/blob/master/semantic_conventions.md); all other tags
begin with ``amqp.``. Knows of a call only what its `Call` says.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from opentracing import Format, Reference, Span, SpanContext, Tracer, follows_from, logs, tags

from coolamqp.log_events import LogEvent, extra
from coolamqp.tracing import Call

logger = logging.getLogger(__name__)

# It may be logged for each message.
_NOT_FOUND: Final = extra(LogEvent.TRACE_NOT_FOUND)


class OpenTracing:
    """The `CallTracer` for any OpenTracing tracer.

    :raises TypeError: the argument is no tracer
    """

    traces_settlements = False

    def __init__(self, tracer: Tracer) -> None:
        if not callable(getattr(tracer, 'start_span', None)):
            raise TypeError(
                f'tracer must be a tracer of OpenTelemetry or OpenTracing, or None, not {tracer!r}'
            )
        self._tracer = tracer

    def begin(self, call: Call, parent: Span | SpanContext | None) -> OpenTracingSpan:
        """Start the span of a call."""
        span = self._tracer.start_span(call.name, child_of=parent, tags=_tags_of(call))
        return OpenTracingSpan(self._tracer, span)

    @contextmanager
    def process(
        self, call: Call, headers: Sequence[Mapping[str, Any]], parent: Span | SpanContext | None
    ) -> Iterator[None]:
        """Return a block with an active span, which follows from the span of the publish."""
        span = self._tracer.start_span(
            call.name,
            references=self._references(headers, parent),
            tags=_tags_of(call),
            ignore_active_span=True,  # The sender has caused the message, not this thread.
        )
        scope = self._tracer.scope_manager.activate(span, finish_on_close=False)
        try:
            yield
        except BaseException as error:
            _log_error(span, error)
            raise
        finally:
            scope.close()
            span.finish()

    def _references(
        self, headers: Sequence[Mapping[str, Any]], parent: Span | SpanContext | None
    ) -> list[Reference]:
        given = parent.context if isinstance(parent, Span) else parent
        found = [*map(self._extract, headers), given]
        return [follows_from(context) for context in found if context is not None]

    def _extract(self, headers: Mapping[str, Any]) -> SpanContext | None:
        texts = {name: value for name, value in headers.items() if isinstance(value, str)}
        try:
            return self._tracer.extract(Format.TEXT_MAP, texts)
        except Exception as error:  # noqa: BLE001 - tracers have their own, also for "none there"
            logger.debug('no span context in the headers of a message: %r', error, extra=_NOT_FOUND)
            return None


class OpenTracingSpan:
    """The `CallSpan` around an OpenTracing span."""

    def __init__(self, tracer: Tracer, span: Span) -> None:
        self._tracer = tracer
        self._span = span

    def headers(self) -> dict[str, str]:
        """Return the context of the span, as text."""
        carrier: dict[str, str] = {}
        self._tracer.inject(self._span.context, Format.TEXT_MAP, carrier)
        return carrier

    def add_detail(self, name: str, value: str) -> None:
        """Tag the span."""
        self._span.set_tag(f'amqp.{name}', value)

    def link(self, headers: Mapping[str, Any]) -> None:
        """Do nothing: a span of OpenTracing has its references from the beginning."""

    def end(self, error: BaseException | None = None) -> None:
        """Finish the span, with the error if there is one."""
        if error is not None:
            _log_error(self._span, error)
        self._span.finish()


def _tags_of(call: Call) -> dict[str, str | int]:
    found: dict[str, str | int] = {tags.COMPONENT: 'coolamqp', tags.SPAN_KIND: call.kind}
    if call.destination:
        found[tags.MESSAGE_BUS_DESTINATION] = call.destination
    if call.peer is not None:
        host, port = call.peer
        found |= {
            tags.PEER_SERVICE: 'rabbitmq',
            tags.PEER_ADDRESS: f'[{host}]:{port}' if ':' in host else f'{host}:{port}',
            tags.PEER_HOSTNAME: host,
            tags.PEER_PORT: port,
        }
    return found | {f'amqp.{name}': value for name, value in call.details.items()}


def _log_error(span: Span, error: BaseException) -> None:
    span.set_tag(tags.ERROR, True)
    span.log_kv(
        {
            logs.EVENT: 'error',
            logs.ERROR_KIND: type(error).__name__,
            logs.ERROR_OBJECT: error,
            logs.MESSAGE: str(error),
        }
    )
