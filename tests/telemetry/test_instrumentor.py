"""The instrumentor, by hand and as `opentelemetry-instrument` finds it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from coolamqp import aio, clustering
from coolamqp.telemetry import DEFAULTS, call_tracer
from coolamqp.telemetry.instrumentor import CoolAMQPInstrumentor
from coolamqp.telemetry.opentelemetry import OpenTelemetry
from tests.docs.pages import ROOT
from tests.telemetry.support import Recorder

URL = 'amqp://guest:guest@localhost/'
PROGRAM = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from coolamqp.clustering import Cluster
trace.set_tracer_provider(TracerProvider())
print(type(Cluster('amqp://guest:guest@localhost/')._core.tracer).__name__)
"""


@pytest.fixture
def instrumentor() -> Iterator[CoolAMQPInstrumentor]:
    instrumentor = CoolAMQPInstrumentor()
    yield instrumentor
    instrumentor.uninstrument()
    assert (DEFAULTS.tracer, DEFAULTS.observe) == (None, None)


def test_new_clusters_have_the_tracer_and_are_measured(instrumentor: CoolAMQPInstrumentor) -> None:
    before = clustering.Cluster(URL, name='before')
    reader = InMemoryMetricReader()
    instrumentor.instrument(
        tracer_provider=TracerProvider(), meter_provider=MeterProvider([reader])
    )
    threads, asyncio = clustering.Cluster(URL, name='threads'), aio.Cluster(URL, name='asyncio')

    assert before._core.tracer is None
    assert isinstance(threads._core.tracer, OpenTelemetry)
    assert isinstance(asyncio._core.tracer, OpenTelemetry)
    measured = reader.get_metrics_data()
    assert measured is not None
    text = measured.to_json()
    assert '"threads"' in text
    assert '"asyncio"' in text
    assert '"before"' not in text


def test_a_tracer_of_its_own_comes_first(instrumentor: CoolAMQPInstrumentor) -> None:
    instrumentor.instrument()

    assert call_tracer(Recorder().tracer) is not DEFAULTS.tracer
    assert call_tracer(None) is DEFAULTS.tracer


def test_nothing_must_be_installed_beside_it(instrumentor: CoolAMQPInstrumentor) -> None:
    assert list(instrumentor.instrumentation_dependencies()) == []


def test_opentelemetry_instrument_finds_it(tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / 'pyproject.toml').read_text('utf-8'))['project']
    entry = project['entry-points']['opentelemetry_instrumentor']['coolamqp']
    folder = tmp_path / 'coolamqp_entry-1.dist-info'  # as an installation would make it
    folder.mkdir()
    (folder / 'METADATA').write_text('Metadata-Version: 2.1\nName: coolamqp-entry\nVersion: 1\n')
    (folder / 'entry_points.txt').write_text(f'[opentelemetry_instrumentor]\nentry = {entry}\n')
    path = os.pathsep.join([str(tmp_path), str(ROOT / 'src')])
    instrument = Path(sys.executable).parent / 'opentelemetry-instrument'
    done = subprocess.run(
        [instrument, sys.executable, '-c', PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, 'PYTHONPATH': path},
    )

    assert done.stdout == 'OpenTelemetry\n', done.stderr
