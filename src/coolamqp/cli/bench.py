"""The commands `coolamqp bench`: measure a broker by this client, and compare two runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click

from coolamqp.cli.errors import ExitStatus, Failure
from coolamqp.cli.histogram import Histogram
from coolamqp.cli.options import broker_options, json_option
from coolamqp.cli.output import Output
from coolamqp.cli.plot import PLOTS, drawing, plain
from coolamqp.cli.session import Session
from coolamqp.cli.stop import Stop
from coolamqp.cli.workload import STAMP, Plan, Sample, Worker, Workload
from coolamqp.names import unique_name
from coolamqp.objects import Queue

EXPIRES_MS: Final = 60_000  # of the queue, if the command is killed
# The figures of a run that a comparison shows: the path to each, and whether more is better.
FIGURES: Final = (
    (('published_per_s',), True),
    (('consumed_per_s',), True),
    (('confirm_ms', 'p50'), False),
    (('confirm_ms', 'p99'), False),
    (('latency_ms', 'p50'), False),
    (('latency_ms', 'p99'), False),
)


@click.group('bench')
def bench_command() -> None:
    """Measure how fast messages pass a broker, with this client."""


@bench_command.command()
@click.option('-p', '--publishers', type=click.IntRange(min=1), default=1, show_default=True)
@click.option('-c', '--consumers', type=click.IntRange(min=0), default=1, show_default=True)
@click.option('-s', '--size', type=click.IntRange(min=STAMP.size), default=100, show_default=True,
              help='Bytes a body.')  # fmt: skip
@click.option('-d', '--duration', type=click.FloatRange(min=0, min_open=True), default=5.0,
              show_default=True, help='Seconds of publishing.')  # fmt: skip
@click.option('--rate', type=click.FloatRange(min=0, min_open=True),
              help='Messages a second of each publisher.')  # fmt: skip
@click.option('--confirm/--no-confirm', default=True, show_default=True)
@click.option('--unconfirmed', type=click.IntRange(min=1), default=1000, show_default=True,
              help='Unconfirmed messages of each publisher.')  # fmt: skip
@click.option('--prefetch', type=click.IntRange(0, 65535), default=200, show_default=True)
@click.option('--persistent', is_flag=True, help='Publish persistent messages.')
@click.option('-q', '--queue', help='A queue that exists.  [default: one of its own]')
@click.option('--queue-type', type=click.Choice(['classic', 'quorum']), default='classic',
              show_default=True, help='Of its own queue.')  # fmt: skip
@click.option('--save', type=click.Path(dir_okay=False, path_type=Path), help='A file for the run.')
@click.option('--plot', type=click.Path(dir_okay=False, path_type=Path),
              help='A file for a plot: .svg or .html.')  # fmt: skip
@broker_options
def run(
    session: Session,
    queue: str | None,
    queue_type: str,
    save: Path | None,
    plot: Path | None,
    **options: Any,
) -> int:
    """Publish and consume for some seconds, and show rates and latencies.

    All publishers and consumers are threads of this process, so its one CPU is often the limit. A
    latency is the time from publishing to the delivery; with many unconfirmed messages, it is
    mostly waiting.
    """
    if plot is not None and plot.suffix not in PLOTS:
        raise click.UsageError(f'a plot is {" or ".join(PLOTS)}, not {plot.suffix or plot}')
    plan = Plan(**options)
    with (
        _queue(session, queue, queue_type) as name,
        Stop() as stop,
        session.output.live_figures() as show,
    ):
        workload = Workload(session, plan, name, lambda sample: show(list(_rows_of_sample(sample))))
        workload.run(stop)
    record = {'plan': asdict(plan) | {'queue_type': queue_type}, **_figures(workload)}
    if plot is not None:
        plot.write_text(drawing(record, plot.suffix), 'utf-8')
    if save is not None:
        save.write_text(json.dumps(record, indent=2) + '\n', 'utf-8')
    session.output.table(record, list(_rows(record)))
    return ExitStatus.INTERRUPTED if stop.requested else ExitStatus.DONE


@contextmanager
def _queue(session: Session, given: str | None, kind: str) -> Iterator[str]:
    """Yield the queue to use; delete it afterwards if it is our own."""
    if given is not None:
        yield given
        return
    name = f'coolamqp-bench-{unique_name().decode()}'
    arguments = {'x-queue-type': kind, 'x-expires': EXPIRES_MS}
    with session.cluster() as cluster:
        session.wait(cluster.declare(Queue(name, durable=True, arguments=arguments)))
        try:
            yield name
        finally:
            session.wait(cluster.delete_queue(name))


def _figures(workload: Workload) -> dict[str, Any]:
    return {
        'published_in_s': round(workload.published_in, 3),
        'consumed_in_s': round(workload.consumed_in, 3),
        'published': workload.published,
        'consumed': workload.consumed,
        'published_per_s': round(workload.published / workload.published_in, 1),
        'consumed_per_s': round(workload.consumed / workload.consumed_in, 1),
        'confirm_ms': _merged(workload.publishers).summary(),
        'latency_ms': _merged(workload.consumers).summary(),
        'samples': [asdict(sample) for sample in workload.samples],
    }


def _merged(workers: list[Worker]) -> Histogram:
    merged = Histogram()
    for worker in workers:
        merged.merge(worker.latencies)
    return merged


def _rows_of_sample(sample: Sample) -> Iterator[tuple[str, str]]:
    """Yield what a terminal shows during a run: the means since its start."""
    seconds = max(sample.seconds, 0.001)
    yield 'seconds', f'{sample.seconds:.1f}'
    yield 'published', f'{sample.published / seconds:,.0f} messages/s'
    yield 'consumed', f'{sample.consumed / seconds:,.0f} messages/s'
    yield 'waiting', f'{sample.published - sample.consumed:,}'


def _rows(record: dict[str, Any]) -> Iterator[tuple[str, object]]:
    yield 'published', f'{record["published_per_s"]:,.0f} messages/s'
    yield 'consumed', f'{record["consumed_per_s"]:,.0f} messages/s'
    for name, figures in (('confirms', record['confirm_ms']), ('latency', record['latency_ms'])):
        yield name, ', '.join(f'{kind} {value:.1f} ms' for kind, value in figures.items())


@bench_command.command()
@click.argument('before', type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument('after', type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def compare(output: Output, before: Path, after: Path) -> None:
    """Compare two runs that were saved."""
    first, second = _load(before), _load(after)
    for name, old, new in _different_options(first, second):
        output.note(f'the runs had different options: {name} was {plain(old)}, and is {plain(new)}')
    output.heading(f'{"":16} {"before":>12} {"after":>12} {"change":>9}')
    for path, more_is_better in FIGURES:
        old, new = _figure(first, path), _figure(second, path)
        change = (new - old) / old * 100 if old else 0.0
        is_better = change > 0 if more_is_better else change < 0
        record = {'figure': '.'.join(path), 'before': old, 'after': new,
                  'change_percent': round(change, 1), 'better': is_better}  # fmt: skip
        colour = 'green' if is_better else 'red'
        shown = click.style(f'{change:+7.1f} %', fg=colour if change else None)
        output.result(record, f'{".".join(path):16} {old:12,.1f} {new:12,.1f} {shown}')


def _different_options(
    first: dict[str, Any], second: dict[str, Any]
) -> Iterator[tuple[str, object, object]]:
    """Yield the name of each option that two runs did not share, and its values."""
    for name, old in first['plan'].items():
        new = second['plan'].get(name)
        if new != old:
            yield name, old, new


def _figure(record: dict[str, Any], path: tuple[str, ...]) -> float:
    found: Any = record
    for name in path:
        found = found[name]
    return float(found)


def _load(path: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(path.read_text('utf-8'))
        dict(record['plan'])
        for figure, _ in FIGURES:
            _figure(record, figure)
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(f'{path} is no run of a benchmark; save one with: coolamqp bench run --save',
                      ExitStatus.USAGE) from error  # fmt: skip
    return record
