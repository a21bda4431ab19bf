"""OpenTelemetry: meters that show the statistics of Clusters.

The instruments are observable: a reader asks for their values, and then they read the statistics.
Needs the extra `opentelemetry`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final, TypeAlias
from weakref import WeakSet

from opentelemetry.metrics import (
    CallbackOptions,
    Meter,
    MeterProvider,
    Observation,
    get_meter,
)

import coolamqp
from coolamqp.telemetry.metrics import (
    CALLBACK_TIME,
    CALLBACKS,
    METRICS,
    RECONNECTS,
    STATE,
    STATES,
    Metric,
    Observed,
)
from coolamqp.telemetry.opentelemetry import INSTRUMENTATION, SCHEMA_URL

__all__ = ['Metrics']

# The names of the semantic conventions, where they have the same metric.
_CONVENTIONAL: Final = {
    'published': ('messaging.client.sent.messages', 'publish'),
    'delivered': ('messaging.client.consumed.messages', 'deliver'),
}
_CLUSTER: Final = 'coolamqp.cluster'

_Observe: TypeAlias = Callable[[str, Any], Iterable[Observation]]


class Metrics:
    """The metrics of Clusters. They end with the Clusters, which this does not keep alive.

    :param clusters: the Clusters, for threads or for asyncio
    :param meter_provider: the provider of the meter; None for the global one
    """

    def __init__(self, *clusters: Observed, meter_provider: MeterProvider | None = None) -> None:
        self._clusters: WeakSet[Observed] = WeakSet(clusters)
        self._snapshots: list[tuple[str, Any]] = []
        self._fresh_for: set[str] = set()  # the metrics that have not shown the snapshots yet
        self._names: set[str] = set()
        meter = get_meter(INSTRUMENTATION, coolamqp.__version__, meter_provider, SCHEMA_URL)
        for metric in (*METRICS, CALLBACKS, CALLBACK_TIME):
            self._make(meter, metric, partial(_value, metric))
        self._make(meter, RECONNECTS, _reconnects)
        self._make(meter, STATE, _states)

    def add(self, cluster: Observed) -> None:
        """Show one more Cluster."""
        self._clusters.add(cluster)

    def remove(self, cluster: Observed) -> None:
        """Show a Cluster no more."""
        self._clusters.discard(cluster)

    def _make(self, meter: Meter, metric: Metric, observe: _Observe) -> None:
        name, _ = _CONVENTIONAL.get(metric.field, (f'coolamqp.{metric.name}', ''))
        make = meter.create_observable_gauge
        if metric.is_counter:
            make = meter.create_observable_counter  # type: ignore[assignment]
        self._names.add(metric.field)
        callback = partial(self._observe, metric.field, observe)
        make(name, [callback], metric.unit or '1', metric.text)

    def _observe(
        self, field: str, observe: _Observe, _options: CallbackOptions
    ) -> Iterator[Observation]:
        for name, stats in self._take_snapshots(field):
            yield from observe(name, stats)

    def _take_snapshots(self, field: str) -> list[tuple[str, Any]]:
        """Return the statistics of all Clusters; all metrics of one collection get the same ones.

        A metric that asks a second time begins a new collection.
        """
        if field not in self._fresh_for:
            self._snapshots = list(_snapshots_of(list(self._clusters)))
            self._fresh_for = set(self._names)
        self._fresh_for.discard(field)
        return self._snapshots


def _snapshots_of(clusters: list[Observed]) -> Iterator[tuple[str, Any]]:
    """Yield name and statistics of each Cluster that answers."""
    for cluster in clusters:
        try:
            yield cluster.name, cluster.stats()
        except TimeoutError:  # Its event loop is blocked.
            continue


def _value(metric: Metric, name: str, stats: Any) -> Iterator[Observation]:
    attributes = {_CLUSTER: name}
    if metric.field in _CONVENTIONAL:
        attributes['messaging.system'] = 'rabbitmq'
        attributes['messaging.operation.name'] = _CONVENTIONAL[metric.field][1]
    value = getattr(stats, metric.field)
    yield Observation(int(value) if isinstance(value, bool) else value, attributes)


def _reconnects(name: str, stats: Any) -> Iterator[Observation]:
    for cause, count in stats.reconnects.items():
        yield Observation(count, {_CLUSTER: name, 'coolamqp.reconnect.cause': cause})


def _states(name: str, stats: Any) -> Iterator[Observation]:
    for state in STATES:
        value = int(stats.state == state)
        yield Observation(value, {_CLUSTER: name, 'coolamqp.connection.state': state})
