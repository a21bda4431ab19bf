"""Telemetry: optional, and attached from outside through the hooks of `coolamqp.tracing`.

Knows nothing of the client. Imports the library of a kind of telemetry only when a program asks
for that kind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from coolamqp.tracing import CallTracer

__all__ = ['DEFAULTS', 'Defaults', 'call_tracer', 'observe']


class Defaults:
    """The telemetry of new Clusters that have none of their own; an instrumentor sets it.

    :ivar tracer: the tracer for calls; None for none
    :ivar observe: called with each new Cluster; None for no call
    """

    def __init__(self) -> None:
        self.tracer: CallTracer | None = None
        self.observe: Callable[[Any], object] | None = None


DEFAULTS: Final = Defaults()


def call_tracer(tracer: Any) -> CallTracer | None:
    """Return the call tracer for a tracer; for None, the default one if there is one.

    :param tracer: a tracer, or a provider of tracers, of OpenTelemetry; or an OpenTracing tracer
    :raises RuntimeError: OpenTracing is not installed
    :raises TypeError: the argument is no tracer
    """
    if tracer is None:
        return DEFAULTS.tracer
    if hasattr(tracer, 'start_as_current_span') or hasattr(tracer, 'get_tracer'):
        from coolamqp.telemetry.opentelemetry import OpenTelemetry  # noqa: PLC0415 - it is optional

        return OpenTelemetry(tracer)
    try:
        from coolamqp.telemetry.opentracing import OpenTracing  # noqa: PLC0415 - it is optional
    except ModuleNotFoundError as error:
        raise RuntimeError(
            'tracer= needs the opentracing extra: pip install coolamqp[opentracing]'
        ) from error
    return OpenTracing(tracer)


def observe(cluster: Any) -> None:
    """Show a new Cluster to the default telemetry, if there is one."""
    if DEFAULTS.observe is not None:
        DEFAULTS.observe(cluster)
