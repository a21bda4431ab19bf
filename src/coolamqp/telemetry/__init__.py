"""Telemetry: optional, and attached from outside through the hooks of `coolamqp.tracing`.

Knows the vocabulary and nothing of the client. What a kind of telemetry needs is imported when it
is asked for, and not before.
"""

from __future__ import annotations

from typing import Any

from coolamqp.tracing import CallTracer

__all__ = ['call_tracer']


def call_tracer(tracer: Any) -> CallTracer | None:
    """Give the hook that tells a tracer of calls; None for None.

    :param tracer: an OpenTracing tracer
    :raises RuntimeError: OpenTracing is not installed
    :raises TypeError: it is no tracer
    """
    if tracer is None:
        return None
    try:
        from coolamqp.telemetry.opentracing import OpenTracing  # noqa: PLC0415 - it is optional
    except ModuleNotFoundError as error:
        raise RuntimeError(
            'tracer= needs the opentracing extra: pip install coolamqp[opentracing]'
        ) from error
    return OpenTracing(tracer)
