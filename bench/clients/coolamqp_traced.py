"""CoolAMQP, threads, with a tracer of OpenTelemetry whose spans go nowhere."""

from __future__ import annotations

from typing import Final

from opentelemetry.sdk.trace import TracerProvider

from bench.clients import coolamqp_threads
from coolamqp.telemetry.instrumentor import CoolAMQPInstrumentor

CoolAMQPInstrumentor().instrument(tracer_provider=TracerProvider())

ABILITIES: Final = coolamqp_threads.ABILITIES
UNABLE: Final = coolamqp_threads.UNABLE
WORKS: Final = coolamqp_threads.WORKS
