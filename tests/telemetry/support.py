"""Reading what OpenTracing's mock tracer was told."""

from __future__ import annotations

from typing import Any

from opentracing.mocktracer import MockTracer


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
