"""The collector for Prometheus, on a registry of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from coolamqp.clustering import Cluster
from coolamqp.supervisor.stats import RECONNECT_CAUSES
from coolamqp.telemetry.metrics import METRICS, STATES
from coolamqp.telemetry.prometheus import Collector
from tests.api.core import SmallCluster

URL = 'amqp://guest:guest@localhost/'


class Exposed:
    """What Prometheus reads from a registry with one collector."""

    def __init__(self, *clusters: Any) -> None:
        self.collector = Collector(*clusters)
        self.registry = CollectorRegistry()
        self.registry.register(self.collector)

    def __call__(self, name: str, cluster: str = 'CoolAMQP', **labels: str) -> float | None:
        return self.registry.get_sample_value(name, {'cluster': cluster, **labels})


class Deaf:
    """A Cluster whose event loop is blocked."""

    name = 'deaf'

    def stats(self) -> Any:
        raise TimeoutError('the event loop of the Cluster has not answered')


def test_a_cluster_is_read_when_prometheus_asks() -> None:
    cluster = SmallCluster()
    exposed = Exposed(cluster)
    assert exposed('coolamqp_connected') == 0.0
    cluster.core.start()
    cluster.core.up()

    assert exposed('coolamqp_connected') == 1.0
    assert exposed('coolamqp_connections_total') == 1.0
    assert exposed('coolamqp_channels') == 3.0


def test_the_state_is_one_of_all_states() -> None:
    cluster = SmallCluster()
    cluster.core.start()
    exposed = Exposed(cluster)

    values = {state: exposed('coolamqp_connection_state', state=state) for state in STATES}
    assert values == {**dict.fromkeys(STATES, 0.0), 'connecting': 1.0}


def test_reconnects_have_their_causes() -> None:
    cluster = SmallCluster()
    cluster.core.start()
    cluster.core.up()
    link = cluster.core.engine.link
    assert link is not None
    cluster.core.engine.link_failed(link, OSError('cut'), cluster.core.time.now)
    exposed = Exposed(cluster)

    values = {
        cause: exposed('coolamqp_reconnects_total', cause=cause) for cause in RECONNECT_CAUSES
    }
    assert values == {**dict.fromkeys(RECONNECT_CAUSES, 0.0), 'network': 1.0}


def test_names_and_types_follow_the_conventions_of_prometheus() -> None:
    text = generate_latest(Exposed(Cluster(URL)).registry).decode()
    families = list(text_string_to_metric_families(text))

    assert len(families) == len(METRICS) + 4
    for family in families:
        assert re.fullmatch(r'coolamqp(_[a-z]+)+', family.name)
        assert family.documentation
        for sample in family.samples:
            assert (family.type == 'counter') is sample.name.endswith('_total')
            assert sample.labels.keys() <= {'cluster', 'state', 'cause'}
    units = [metric.unit for metric in METRICS]
    assert sum(family.name.endswith('_bytes') for family in families) == units.count('By')
    seconds = [family.name for family in families if family.name.endswith('_seconds')]
    assert len(seconds) == units.count('s') + 1


def test_a_busy_cluster_has_no_more_series_than_an_idle_one() -> None:
    cluster = SmallCluster()
    exposed = Exposed(cluster)
    idle = generate_latest(exposed.registry).count(b'\n')
    cluster.core.start()
    cluster.core.up()

    assert generate_latest(exposed.registry).count(b'\n') == idle


def test_clusters_are_told_apart_by_their_names() -> None:
    first, second = Cluster(URL, name='first'), Cluster(URL, name='second')
    exposed = Exposed(first)
    exposed.collector.add(second)
    with pytest.raises(ValueError, match="of the name 'second' already"):
        exposed.collector.add(Cluster(URL, name='second'))
    assert exposed('coolamqp_connected', 'first') == 0.0
    assert exposed('coolamqp_connected', 'second') == 0.0

    exposed.collector.remove(first)
    assert exposed('coolamqp_connected', 'first') is None
    assert exposed('coolamqp_connected', 'second') == 0.0


def test_a_cluster_that_does_not_answer_shows_as_that_and_hides_no_other() -> None:
    exposed = Exposed(Deaf(), SmallCluster())

    assert exposed('coolamqp_answers', 'deaf') == 0.0
    assert exposed('coolamqp_connected', 'deaf') is None
    assert exposed('coolamqp_answers') == 1.0
    assert exposed('coolamqp_connected') == 0.0


def test_registering_asks_no_cluster() -> None:
    class Untouchable(Deaf):
        def stats(self) -> Any:
            raise AssertionError('asked')

    Exposed(Untouchable())


def test_two_collectors_in_one_registry_are_refused() -> None:
    with pytest.raises(ValueError, match='Duplicated'):
        Exposed(Cluster(URL)).registry.register(Collector(Cluster(URL, name='other')))


def test_the_core_imports_nothing_of_the_extras() -> None:
    program = """
import sys
import coolamqp.aio, coolamqp.clustering, coolamqp.testing.plugin, coolamqp.broker
from coolamqp.clustering import Cluster
cluster = Cluster('amqp://guest:guest@localhost/')
cluster.stats(), cluster.health()
extras = ('click', 'opentelemetry', 'opentracing', 'prometheus_client', 'rich')
print([name for name in extras if name in sys.modules])
"""
    command = [sys.executable, '-c', program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout == '[]\n'
