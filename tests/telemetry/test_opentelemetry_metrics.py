"""The meters, on the SDK of OpenTelemetry with its reader in memory."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import Gauge, InMemoryMetricReader, Sum

from coolamqp.supervisor.stats import RECONNECT_CAUSES
from coolamqp.telemetry.metrics import METRICS, STATES
from coolamqp.telemetry.opentelemetry_metrics import Metrics
from tests.api.core import SmallCluster


class Meters:
    """The metrics of some Clusters, and a reader."""

    def __init__(self, *clusters: Any) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader])
        self.metrics = Metrics(*clusters, meter_provider=self.provider)

    def read(self) -> dict[str, Any]:
        """Return all metrics by name."""
        data = self.reader.get_metrics_data()
        if data is None:
            return {}
        (resource,) = data.resource_metrics
        (scope,) = resource.scope_metrics
        return {metric.name: metric for metric in scope.metrics}

    def values(self, name: str, attribute: str = 'coolamqp.cluster') -> dict[Any, Any]:
        """Return the values of one metric, by an attribute."""
        points = self.read()[name].data.data_points
        return {point.attributes[attribute]: point.value for point in points}


class Asked:
    """A Cluster that counts how often it is asked."""

    name = 'asked'

    def __init__(self) -> None:
        self.times = 0
        self.cluster = SmallCluster()

    def stats(self) -> Any:
        self.times += 1
        return self.cluster.stats()


def test_statistics_are_read_when_a_reader_asks() -> None:
    cluster = SmallCluster()
    meters = Meters(cluster)
    assert meters.values('coolamqp.connected') == {'CoolAMQP': 0}
    cluster.core.start()
    cluster.core.up()

    assert meters.values('coolamqp.connected') == {'CoolAMQP': 1}
    assert meters.values('coolamqp.channels') == {'CoolAMQP': 3}


def test_all_metrics_are_there_with_unit_and_kind() -> None:
    cluster = SmallCluster()
    found = Meters(cluster).read()

    assert len(found) == len(METRICS) + 4
    assert {'messaging.client.sent.messages', 'messaging.client.consumed.messages'} < found.keys()
    assert found['coolamqp.unconfirmed.age'].unit == 's'
    assert found['coolamqp.backlog.size'].unit == 'By'
    assert found['coolamqp.blocked'].unit == '1'
    assert isinstance(found['coolamqp.unconfirmed.messages'].data, Gauge)
    for name in ('messaging.client.sent.messages', 'coolamqp.callbacks.time'):
        assert isinstance(found[name].data, Sum)
        assert found[name].data.is_monotonic


def test_states_and_causes_are_attributes() -> None:
    cluster = SmallCluster()
    meters = Meters(cluster)

    states = meters.values('coolamqp.connection.state', 'coolamqp.connection.state')
    assert states == {**dict.fromkeys(STATES, 0), 'idle': 1}
    causes = meters.values('coolamqp.reconnects', 'coolamqp.reconnect.cause')
    assert causes == dict.fromkeys(RECONNECT_CAUSES, 0)


def test_a_cluster_is_asked_once_a_collection() -> None:
    asked = Asked()
    meters = Meters(asked)
    for count in (1, 2, 3):
        meters.read()
        assert asked.times == count


def test_clusters_come_and_go() -> None:
    first, second = Asked(), SmallCluster()
    meters = Meters(first)
    meters.metrics.add(second)
    assert set(meters.values('coolamqp.connected')) == {'asked', 'CoolAMQP'}
    meters.metrics.remove(first)
    assert set(meters.values('coolamqp.connected')) == {'CoolAMQP'}


def test_a_cluster_that_is_dropped_is_not_kept_alive() -> None:
    meters = Meters(SmallCluster())
    gc.collect()

    assert not meters.read().get('coolamqp.connected')


@pytest.mark.parametrize('deaf_first', [True, False])
def test_a_cluster_that_does_not_answer_hides_no_other(deaf_first: bool) -> None:
    class Deaf(Asked):
        name = 'deaf'

        def stats(self) -> Any:
            raise TimeoutError

    clusters = [Deaf(), Asked()]
    meters = Meters(*(clusters if deaf_first else reversed(clusters)))

    assert set(meters.values('coolamqp.connected')) == {'asked'}
