"""The instrumentor: OpenTelemetry for all Clusters of a program that does not ask for it itself.

`opentelemetry-instrument` finds it by its entry point. Needs the extra `opentelemetry`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from coolamqp.telemetry import DEFAULTS
from coolamqp.telemetry.opentelemetry import OpenTelemetry, tracer_of
from coolamqp.telemetry.opentelemetry_metrics import Metrics

__all__ = ['CoolAMQPInstrumentor']


class CoolAMQPInstrumentor:
    """Gives tracer and metrics to the Clusters that are made from now on.

    A Cluster with a `tracer` of its own keeps that.

    >>> CoolAMQPInstrumentor().instrument()  # doctest: +SKIP
    """

    def instrument(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        **_: Any,
    ) -> None:
        """Begin. A second call replaces the providers of the first.

        :param tracer_provider: the provider of the tracer; None for the global one
        :param meter_provider: the provider of the meter; None for the global one
        """
        DEFAULTS.tracer = OpenTelemetry(tracer_of(tracer_provider))
        DEFAULTS.observe = Metrics(meter_provider=meter_provider).add

    def uninstrument(self, **_: Any) -> None:
        """End, for the Clusters that are made from now on."""
        DEFAULTS.tracer = DEFAULTS.observe = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return the packages that must be there: none but CoolAMQP."""
        return ()
