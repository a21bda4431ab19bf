"""`coolamqp bench`."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from coolamqp.broker import Broker
from tests.cli.command import Command


def test_a_run_shows_rates_and_latencies(coolamqp: Command, broker: Broker) -> None:
    ended = coolamqp('bench', 'run', '-d', '0.3', '--json')

    assert ended.status == 0
    record = ended.record
    assert record['published'] == record['consumed'] > 0
    assert record['published_per_s'] > 0
    assert (
        0
        < record['latency_ms']['p50']
        <= record['latency_ms']['p99']
        <= record['latency_ms']['max']
    )
    assert record['plan']['size'] == 100
    assert record['consumed_in_s'] >= record['published_in_s'] >= 0.3
    assert broker.queues() == []


def test_runs_are_saved_and_compared(coolamqp: Command, tmp_path: Path) -> None:
    before, after = tmp_path / 'before.json', tmp_path / 'after.json'
    assert 'messages/s' in coolamqp('bench', 'run', '-d', '0.2', '-c', '0', '--save', before).out
    run = json.loads(before.read_text())
    run['published_per_s'] *= 2
    run['confirm_ms']['p50'] *= 2
    run['plan']['size'] = 7
    after.write_text(json.dumps(run))

    records = coolamqp('bench', 'compare', before, after, '--json').records
    assert [each['change_percent'] for each in records[:3]] == [100.0, 0.0, 100.0]
    assert [each['better'] for each in records[:3]] == [True, False, False]
    shown = coolamqp('bench', 'compare', before, after)
    assert shown.out.splitlines()[0].split() == ['before', 'after', 'change']
    assert '+100.0 %' in shown.out
    assert shown.error == 'the runs had different options: size was 100, and is 7\n'


def test_a_file_that_is_no_run_is_reported(coolamqp: Command, tmp_path: Path) -> None:
    file = tmp_path / 'x.json'
    file.write_text('{}')

    ended = coolamqp('bench', 'compare', file, file)
    assert ended.status == 2
    assert 'is no run of a benchmark' in ended.error


def test_an_interruption_ends_it_with_its_figures(coolamqp: Command, broker: Broker) -> None:
    with coolamqp.start('bench', 'run', '-d', '60', '--json') as process:
        broker.wait_until(lambda: len(broker.connections) == 3 and len(broker.published) > 100, 30)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)

    assert process.returncode == 130
    assert json.loads(out)['published_in_s'] < 60
    assert broker.queues() == []


@pytest.mark.integration
def test_on_the_broker_of_the_suite(on_suite_broker: Command) -> None:
    record = on_suite_broker('bench', 'run', '-d', '0.5', '-p', '2', '-c', '2', '--json').record
    assert record['published'] == record['consumed'] > 0


def test_a_run_is_plotted(coolamqp: Command, tmp_path: Path) -> None:
    svg = tmp_path / 'run.svg'
    assert coolamqp('bench', 'run', '-d', '0.6', '--plot', svg).status == 0
    assert svg.read_text().count('<polyline') == 2

    ended = coolamqp('bench', 'run', '--plot', tmp_path / 'run.png')
    assert ended.status == 2
    assert 'a plot is .svg or .html, not .png' in ended.error
