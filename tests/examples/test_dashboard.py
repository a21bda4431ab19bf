"""The dashboard for Grafana shows metrics that exist."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import Sample

from coolamqp.clustering import Cluster
from coolamqp.telemetry.prometheus import Collector
from tests.docs.pages import EXAMPLES

DASHBOARD: dict[str, Any] = json.loads((EXAMPLES / 'grafana' / 'coolamqp.json').read_text('utf-8'))
PANELS: list[dict[str, Any]] = DASHBOARD['panels']
VARIABLES = {each['name']: each for each in DASHBOARD['templating']['list']}
QUERIES = [target['expr'] for panel in PANELS for target in panel['targets']]
# Prometheus adds `instance` and `job` to whatever it scrapes.
SCRAPED = {'instance', 'job'}


@pytest.fixture(scope='module')
def samples() -> list[Sample]:
    registry = CollectorRegistry()
    registry.register(Collector(Cluster('amqp://guest:guest@localhost/')))
    return [sample for family in registry.collect() for sample in family.samples]


def names_in(query: str) -> set[str]:
    return set(re.findall(r'\bcoolamqp_\w+', query))


@pytest.mark.parametrize('query', QUERIES)
def test_every_query_names_metrics_and_labels_that_exist(query: str, samples: list[Sample]) -> None:
    names = names_in(query)
    existing = {sample.name: set(sample.labels) | SCRAPED for sample in samples}

    assert names
    assert names <= existing.keys()
    grouped = {label for by in re.findall(r'by \(([^)]*)\)', query) for label in by.split(', ')}
    matched = set(re.findall(r'(\w+)=~?"', query))
    for name in names:
        assert grouped | matched <= existing[name]


@pytest.mark.parametrize('query', QUERIES)
def test_counters_are_shown_as_rates_and_gauges_are_not(query: str) -> None:
    for name in names_in(query):
        is_counter = name.endswith(('_total', '_sum', '_count'))
        assert is_counter == bool(re.search(rf'(rate|increase)\({name}\b', query)), name


def test_every_metric_is_on_the_dashboard(samples: list[Sample]) -> None:
    shown = {name for query in QUERIES for name in names_in(query)}

    assert {sample.name for sample in samples} == shown


def test_the_variables_ask_for_what_exists(samples: list[Sample]) -> None:
    existing = {sample.name: set(sample.labels) | SCRAPED for sample in samples}
    for query in (each['query'] for each in VARIABLES.values() if each['type'] == 'query'):
        metric, label = re.fullmatch(r'label_values\((\w+)(?:{.*})?, (\w+)\)', query).groups()  # type: ignore[union-attr]
        assert label in existing[metric]
    used = set(re.findall(r'\$(\w+)', ' '.join(QUERIES))) - {'__rate_interval'}
    assert used <= VARIABLES.keys()


def test_alerts_name_metrics_that_exist(samples: list[Sample]) -> None:
    alerts = (EXAMPLES / 'grafana' / 'alerts.yml').read_text('utf-8')

    assert len(names_in(alerts)) > 6
    assert names_in(alerts) <= {sample.name for sample in samples}


def test_legends_use_labels_of_their_queries() -> None:
    for target in (target for panel in PANELS for target in panel['targets']):
        for label in re.findall(r'{{(\w+)}}', target['legendFormat']):
            assert re.search(rf'by \([^)]*\b{label}\b', target['expr']), target


def test_panels_have_names_and_do_not_overlap() -> None:
    assert len({panel['title'] for panel in PANELS}) == len(PANELS)
    assert len({panel['id'] for panel in PANELS}) == len(PANELS)
    taken: set[tuple[int, int]] = set()
    for place in (panel['gridPos'] for panel in PANELS):
        cells = {
            (x, y)
            for x in range(place['x'], place['x'] + place['w'])
            for y in range(place['y'], place['y'] + place['h'])
        }
        assert not cells & taken
        assert place['x'] + place['w'] <= 24
        taken |= cells
