"""Reading what tracers of OpenTracing and OpenTelemetry were told."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentracing.mocktracer import MockTracer

from coolamqp.telemetry.opentelemetry import tracer_of


def spans(tracer: MockTracer, name: str) -> list[Any]:
    """Give the finished spans of a name, in the order in which they ended."""
    return [span for span in tracer.finished_spans() if span.operation_name == name]


def only(tracer: MockTracer, name: str) -> Any:
    """Give the one finished span of a name."""
    (span,) = spans(tracer, name)
    return span


def errors_of(span: Any) -> list[dict[str, Any]]:
    """Give what was logged on a span as errors."""
    logged = [entry.key_values for entry in span.logs]
    return [entry for entry in logged if entry['event'] == 'error']


class Recorder:
    """An OpenTelemetry tracer that keeps its spans, and what they have recorded.

    :ivar tracer: the tracer
    """

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._provider = TracerProvider()
        self._provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = tracer_of(self._provider)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """The spans that have ended, in this order."""
        return self._exporter.get_finished_spans()

    @property
    def names(self) -> list[str]:
        """The names of these spans."""
        return [span.name for span in self.spans]

    def only(self, name: str) -> ReadableSpan:
        """Return the one span of a name."""
        (span,) = [span for span in self.spans if span.name == name]
        return span

    def reset(self) -> None:
        """Forget all spans."""
        self._exporter.clear()


def span_id(span: ReadableSpan) -> int:
    """Return the id of a span."""
    assert span.context is not None
    number: int = span.context.span_id
    return number


def is_child(span: ReadableSpan, parent: ReadableSpan) -> bool:
    """Whether a span belongs to the trace of another one, below it."""
    assert span.context is not None
    assert parent.context is not None
    same_trace = span.context.trace_id == parent.context.trace_id
    return same_trace and span.parent is not None and span.parent.span_id == span_id(parent)


def linked(span: ReadableSpan) -> list[int]:
    """Return the ids of the spans that a span has links to."""
    return [link.context.span_id for link in span.links]
