"""Telemetry: optional, and attached from outside through the hooks of `coolamqp.tracing`.

Knows nothing of the client. Imports the library of a kind of telemetry only when a program asks
for that kind.
"""

from __future__ import annotations

from typing import Any

from coolamqp.tracing import CallTracer

__all__ = ['call_tracer']


def call_tracer(tracer: Any) -> CallTracer | None:
    """Return the call tracer for a tracer; None for None.

    :param tracer: an OpenTracing tracer
    :raises RuntimeError: OpenTracing is not installed
    :raises TypeError: the argument is no tracer
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
