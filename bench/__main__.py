"""Measure clients with one RabbitMQ node, with interleaved runs, and print the tables."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Final

from rich.console import Console

from bench import plan
from bench.client_list import BY_NAME, CLIENTS, chosen
from bench.figures import Results
from bench.plan import Entry
from bench.report import report, surroundings
from bench.runner import RunFailed, Runner
from bench.tables import inabilities, table
from bench.task import WORKS, Item
from tests.support.environments import NotInstallable
from tests.support.rabbitmq import RabbitMQNode

# The width of the tables without a terminal, in characters.
WIDTH: Final = 130


def main() -> int:
    """Measure, print the tables, and write a report with the option `--json`."""
    options = _parser().parse_args()
    results, versions = Results(), dict[str, str]()
    begun = time.monotonic()
    with RabbitMQNode() as node, Runner(node.url()) as runner:
        rabbitmq = '.'.join(map(str, node.version))
        try:
            _measure(runner, _entries(options), options.runs, results, versions)
        except RunFailed as error:
            print(error, file=sys.stderr)
            return 1
    _print(results, versions, rabbitmq)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report(results, versions, rabbitmq), indent=1))
    print(f'{time.monotonic() - begun:.0f} s in all', file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='bench', description=__doc__)
    parser.add_argument(
        '--quick', action='store_true', help='measure the nearest peers only, in a minute'
    )
    parser.add_argument('--clients', type=_names, help=f'comma-separated, from {",".join(BY_NAME)}')
    parser.add_argument('--works', type=_names, help=f'comma-separated, from {",".join(WORKS)}')
    parser.add_argument('--messages', type=int, help='messages in a run, for all clients')
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--size', type=int, default=Item.size, help='size of the bodies, in bytes')
    parser.add_argument('--headers', type=int, default=0, help='headers of each message')
    parser.add_argument('--threads', type=int, default=1, help='publishing threads')
    parser.add_argument('--consumers', type=int, default=1)
    parser.add_argument('--broker', choices=('rabbitmq', 'null'), default='rabbitmq')
    parser.add_argument('--json', type=Path, help='write a report to this file')
    return parser


def _names(text: str) -> list[str]:
    return text.split(',')


def _entries(options: argparse.Namespace) -> list[Entry]:
    """Return a plan, or the entries that the options describe."""
    if options.quick:
        return plan.quick()
    if not options.clients and not options.works:
        return plan.full()
    clients = chosen(options.clients) if options.clients else [*CLIENTS]
    items = [
        Item(
            work=work,
            size=options.size,
            headers=options.headers,
            threads=options.threads,
            consumers=options.consumers,
            broker=options.broker,
        )
        for work in options.works or plan.MAIN
    ]
    return plan.entries(clients, items, options.messages)


def _measure(
    runner: Runner, entries: list[Entry], runs: int, results: Results, versions: dict[str, str]
) -> None:
    """Run all entries once, then again, so that a disturbance of the machine affects all."""
    for run in range(1, runs + 1):
        for number, entry in enumerate(entries, start=1):
            row = results.row(entry.client, entry.item)
            if row.unable:
                continue
            _progress(f'run {run}, {number} of {len(entries)}: {entry.client.label}, {entry.item}')
            try:
                result = runner.run(entry.client, entry.item, entry.messages)
            except NotInstallable as error:
                row.unable = f'cannot be installed: {error}'
                continue
            versions[entry.client.label] = result.version
            row.unable = result.unable
            if result.measurement:
                row.runs.append(result.measurement)
    _progress('')


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f'\r\x1b[K{text}', end='', file=sys.stderr, flush=True)


def _print(results: Results, versions: dict[str, str], rabbitmq: str) -> None:
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    for item in results.items:
        console.print(table(results, item))
        for line in inabilities(results, item):
            console.print(f'  {line}', style='dim')
        console.print()
    around = surroundings(rabbitmq)
    console.print(
        f'{around["cpu"]}, {around["cores"]} cores, Python {around["python"]}, '
        f'RabbitMQ {around["rabbitmq"]}, {around["system"]}'
    )
    console.print(', '.join(f'{label} {version}' for label, version in versions.items()))


if __name__ == '__main__':
    sys.exit(main())
