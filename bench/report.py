"""The report for the plots: all runs as plain values, with a description of the machine."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.figures import Results, Row, ratio


def surroundings(rabbitmq: str) -> dict[str, Any]:
    """Return the machine and the versions of Python and RabbitMQ."""
    return {
        'system': platform.platform(),
        'cpu': _cpu_model(),
        'cores': os.cpu_count(),
        'python': platform.python_version(),
        'rabbitmq': rabbitmq,
    }


def report(results: Results, versions: dict[str, str], rabbitmq: str) -> dict[str, Any]:
    """Return the report."""
    return {
        'surroundings': surroundings(rabbitmq),
        'versions': versions,
        'rows': [
            {
                'item': {**asdict(row.item), 'title': str(row.item)},
                'client': row.client.name,
                'label': row.client.label,
                'ours': row.client.ours,
                'unable': row.unable,
                'cost': _cost(row) if row.runs else None,
                'ratios': {
                    name: ratio(row, reference)
                    for name, reference in results.references(row.item).items()
                },
                'runs': [asdict(run) for run in row.runs],
            }
            for row in results.rows.values()
        ],
    }


def _cost(row: Row) -> dict[str, Any]:
    """Return the name and the figure of the compared cost."""
    what = 'Median latency' if row.item.one_by_one else "The client's CPU time for each message"
    return {'name': f'{what}, in µs', **row.costs._asdict()}


def _cpu_model() -> str:
    for line in Path('/proc/cpuinfo').read_text('utf-8').splitlines():
        if line.startswith('model name'):
            return line.partition(':')[2].strip()
    return platform.processor()
