"""The floors of the house: who may import whom, and who may touch the outside world.

Reads the source and imports nothing, so that imports inside functions and under TYPE_CHECKING count
as well. What each floor is for is told in CONTRIBUTING.md.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = 'coolamqp'
SOURCE = Path(__file__).parent.parent / 'src' / PACKAGE

# From the bottom up. Those of one row may import each other and all rows below theirs. A module
# that is not there yet does no harm.
FLOORS: tuple[tuple[str, ...], ...] = (
    # coolamqp/__init__.py, how modules are found before there is any, and where names come from
    ('', 'compilation', 'names'),
    ('exceptions', 'reply_codes', 'tracing'),
    ('framing',),
    ('objects', 'argumentify'),
    ('telemetry',),
    ('uplink',),
    ('attaches',),
    ('supervisor',),
    ('api',),
    ('net',),  # what clustering and aio share of the outside world
    ('clustering', 'aio', 'broker'),
    ('cli', 'testing'),
)
# Of these rows each module stands for itself.
INDEPENDENT = {'clustering', 'aio', 'broker', 'cli', 'testing'}
# The embedded broker knows the wire and the vocabulary, and nothing of the client.
HIGHEST_IMPORT = {'broker': 'objects'}

RANK = {name: rank for rank, row in enumerate(FLOORS) for name in row}
FIRST_WITH_IO = RANK['net']

# Sockets, threads, clocks and dice; and the way round this list.
# fmt: off
OUTSIDE_WORLD = {
    '_thread', 'asyncio', 'concurrent', 'importlib', 'multiprocessing', 'queue', 'random', 'sched',
    'secrets', 'select', 'selectors', 'signal', 'socket', 'socketserver', 'ssl', 'subprocess',
    'threading', 'time', 'uuid',
}
# fmt: on
# The dice of a module that has other uses; only the package itself may hand them on.
DICE = ('os.urandom', 'os.getrandom')


def broken_rules(source: Path) -> Iterator[str]:
    """Yield a sentence for each import under the package folder `source` that breaks a rule."""
    for path in sorted(source.rglob('*.py')):
        importer = path.relative_to(source).with_suffix('').parts
        floor = '' if importer == ('__init__',) else importer[0]
        where = f'{PACKAGE}/{path.relative_to(source)}'
        if floor not in RANK:
            yield f'{where}: has no floor; give {floor!r} one in tests/test_architecture.py'
            continue
        for line, name in (*imports(path, (PACKAGE, *importer[:-1])), *dice(path)):
            complaint = judge(floor, name)
            if complaint:
                yield f'{where}:{line}: {complaint}'


def imports(path: Path, parent: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Yield line and full dotted name of all that a file imports; `parent` is its package."""
    for node in ast.walk(ast.parse(path.read_text('utf-8'), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = parent[: len(parent) - node.level + 1] if node.level else ()
            module = '.'.join((*base, *filter(None, [node.module])))
            for alias in node.names:
                yield node.lineno, f'{module}.{alias.name}'


def dice(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and name of all dice that a file takes from a module it has imported."""
    for node in ast.walk(ast.parse(path.read_text('utf-8'), str(path))):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in DICE:
            yield node.lineno, ast.unparse(node)


def judge(floor: str, imported: str) -> str | None:
    """Tell what is wrong with a module of `floor` importing a dotted name; None if nothing is."""
    top, _, rest = imported.partition('.')
    if top == PACKAGE:
        name = rest.partition('.')[0]
        target = name if name in RANK else ''  # from coolamqp import __version__
        return judge_inside(floor, target)
    if floor != 'compilation' and top in OUTSIDE_WORLD and RANK[floor] < FIRST_WITH_IO:
        return (
            f'imports {top}, which is for clustering and aio only; '
            'take what you need (now, bytes, a random number) as an argument'
        )
    if floor and imported in DICE and RANK[floor] < FIRST_WITH_IO:
        return f'uses {imported}; make names by coolamqp.names.unique_name'
    return None


def judge_inside(floor: str, target: str) -> str | None:
    highest = RANK[HIGHEST_IMPORT.get(floor, floor)]
    if target == floor or RANK[target] < highest:
        return None
    if RANK[target] == highest and not {floor, target} & (INDEPENDENT - set(HIGHEST_IMPORT)):
        return None
    return (
        f'{floor or PACKAGE} imports {target}, which does not stand below it; move what both need '
        'further down, or hand it in from above'
    )


def test_the_house_stands() -> None:
    complaints = list(broken_rules(SOURCE))

    assert not complaints, '\n'.join(['imports that break the rules:', *complaints])


@pytest.mark.parametrize(
    ('path', 'line', 'complaint'),
    [
        ('framing/frames.py', 'import coolamqp.uplink', 'framing imports uplink'),
        ('framing/frames.py', 'from coolamqp import uplink', 'framing imports uplink'),
        ('framing/deep/frames.py', 'from ...uplink import x', 'framing imports uplink'),
        ('framing/__init__.py', 'from ..uplink.a import x', 'framing imports uplink'),
        ('framing/frames.py', 'from coolamqp.objects import Message', 'framing imports objects'),
        ('attaches/consumer.py', 'from coolamqp import supervisor', 'attaches imports supervisor'),
        ('aio/cluster.py', 'from coolamqp.clustering import Cluster', 'aio imports clustering'),
        ('broker/server.py', 'import coolamqp.uplink', 'broker imports uplink'),
        ('broker/server.py', 'import coolamqp.aio', 'broker imports aio'),
        ('__init__.py', 'from coolamqp.objects import Message', 'coolamqp imports objects'),
        ('uplink/uplink.py', 'def f():\n    import time', 'imports time'),
        ('supervisor/nodes.py', 'from random import random', 'imports random'),
        ('objects.py', 'import os, concurrent.futures', 'imports concurrent'),
        ('objects/topology.py', 'import uuid', 'imports uuid'),
        ('objects/topology.py', 'from uuid import uuid4', 'imports uuid'),
        ('objects/topology.py', 'from os import urandom', 'uses os.urandom'),
        ('names.py', 'import os\nname = os.urandom(16).hex()', 'uses os.urandom'),
        ('objects/topology.py', 'from coolamqp import names, uplink', 'objects imports uplink'),
        ('names.py', 'from coolamqp.objects import Queue', 'names imports objects'),
        ('surprise.py', '', "give 'surprise' one"),
    ],
)
def test_a_broken_rule_is_reported(tmp_path: Path, path: str, line: str, complaint: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'import logging\n{line}\n')

    (found,) = broken_rules(tmp_path)

    assert found.startswith(f'{PACKAGE}/{path}:')
    assert complaint in found


@pytest.mark.parametrize(
    ('path', 'line'),
    [
        ('framing/frames.py', 'from coolamqp.framing.definitions import x'),
        ('framing/frames.py', 'from . import definitions'),
        ('objects/message.py', 'from ..argumentify import tobytes'),
        ('uplink/handshake.py', 'from coolamqp import __version__'),
        ('uplink/handshake.py', 'from datetime import datetime'),
        ('broker/server.py', 'import asyncio, coolamqp.objects'),
        ('clustering/io_thread.py', 'import socket, threading, time, coolamqp.supervisor.nodes'),
        ('cli/main.py', 'from coolamqp.broker import Broker'),
        ('objects/topology.py', 'from coolamqp.names import unique_name'),
        ('objects/topology.py', 'import os\nhere = os.curdir'),
        ('__init__.py', 'import os\nfrom coolamqp import names\nnames.use_source(os.urandom)'),
        ('clustering/cluster.py', 'import os, uuid\nname = os.urandom(16)'),
    ],
)
def test_what_is_right_is_not_reported(tmp_path: Path, path: str, line: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'{line}\n')

    assert list(broken_rules(tmp_path)) == []
