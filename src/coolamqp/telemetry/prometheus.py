"""Prometheus: a collector of the statistics of Clusters, when Prometheus asks for them.

Names follow Prometheus' conventions (https://prometheus.io/docs/practices/naming/). Needs the extra
`prometheus`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from prometheus_client import Metric as Family
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector as BaseCollector

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

__all__ = ['Collector']

_UNITS: Final = {'s': 'seconds', 'By': 'bytes'}
_CALLBACKS_NAME: Final = 'coolamqp_callback_duration_seconds'


class Collector(BaseCollector):
    """A collector for a registry of `prometheus_client`. It holds no values of its own.

    :param clusters: the Clusters, for threads or for asyncio; each name may occur once
    :raises ValueError: two Clusters have the same name

    >>> from prometheus_client import REGISTRY
    >>> REGISTRY.register(Collector(cluster))
    """

    def __init__(self, *clusters: Observed) -> None:
        self._clusters: dict[str, Observed] = {}
        for cluster in clusters:
            self.add(cluster)

    def add(self, cluster: Observed) -> None:
        """Collect from one more Cluster.

        :raises ValueError: there is a Cluster of the same name
        """
        if cluster.name in self._clusters:
            raise ValueError(
                f'there is a Cluster of the name {cluster.name!r} already, and Prometheus could '
                f'not tell them apart; make them with name='
            )
        self._clusters = {**self._clusters, cluster.name: cluster}

    def remove(self, cluster: Observed) -> None:
        """Collect from a Cluster no more."""
        self._clusters = {
            name: each for name, each in self._clusters.items() if each is not cluster
        }

    def describe(self) -> Iterator[Family]:
        """Yield the metrics without values."""
        return self._collect({})

    def collect(self) -> Iterator[Family]:
        """Yield the metrics of all Clusters."""
        return self._collect({name: _stats_of(each) for name, each in self._clusters.items()})

    def _collect(self, found: dict[str, Any]) -> Iterator[Family]:
        stats = {name: each for name, each in found.items() if each is not None}
        answers = _family('coolamqp_answers', 'Whether the Cluster has answered', counter=False)
        for name, each in found.items():
            answers.add_metric([name], float(each is not None))
        yield answers
        for metric in METRICS:
            yield _simple(metric, stats)
        yield _callbacks(stats)
        yield _reconnects(stats)
        yield _states(stats)


def _stats_of(cluster: Observed) -> Any:
    """Return the statistics; None if the event loop of the Cluster does not answer."""
    try:
        return cluster.stats()
    except TimeoutError:
        return None


def _name_of(metric: Metric) -> str:
    unit = _UNITS.get(metric.unit)
    words = ['coolamqp', *metric.name.split('.')]
    if unit is not None:
        words = [word for word in words if word not in ('size', 'time')] + [unit]
    return '_'.join(words)


def _family(
    name: str, text: str, *labels: str, counter: bool
) -> CounterMetricFamily | GaugeMetricFamily:
    make = CounterMetricFamily if counter else GaugeMetricFamily
    return make(name, text, labels=['cluster', *labels])


def _simple(metric: Metric, stats: dict[str, Any]) -> Family:
    family = _family(_name_of(metric), metric.text, counter=metric.is_counter)
    for name, each in stats.items():
        family.add_metric([name], float(getattr(each, metric.field)))
    return family


def _callbacks(stats: dict[str, Any]) -> Family:
    text = 'Callbacks that have ended, and the time they took; without inline callbacks'
    family = SummaryMetricFamily(_CALLBACKS_NAME, text, labels=['cluster'])
    for name, each in stats.items():
        count, seconds = getattr(each, CALLBACKS.field), getattr(each, CALLBACK_TIME.field)
        family.add_metric([name], count_value=count, sum_value=seconds)
    return family


def _reconnects(stats: dict[str, Any]) -> Family:
    family = _family(_name_of(RECONNECTS), RECONNECTS.text, 'cause', counter=True)
    for name, each in stats.items():
        for cause, count in getattr(each, RECONNECTS.field).items():
            family.add_metric([name, cause], count)
    return family


def _states(stats: dict[str, Any]) -> Family:
    family = _family(_name_of(STATE), STATE.text, 'state', counter=False)
    for name, each in stats.items():
        for state in STATES:
            family.add_metric([name, state], float(getattr(each, STATE.field) == state))
    return family
