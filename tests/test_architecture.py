"""The floors of the house: who imports whom, who touches the outside world, who has tests.

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
    ('exceptions', 'log_events', 'reply_codes', 'timers', 'tracing'),
    ('framing',),
    ('objects', 'argumentify', 'compat'),
    ('telemetry',),
    ('uplink',),
    ('attaches',),
    ('supervisor',),
    ('api',),
    ('net',),  # what clustering and aio share of the outside world
    ('clustering', 'aio', 'broker', 'kombu'),
    ('cli', 'testing'),
    ('__main__',),
)
# Of these rows each module stands for itself.
INDEPENDENT = {'clustering', 'aio', 'broker', 'kombu', 'cli', 'testing'}
# The embedded broker knows the wire and the vocabulary, and nothing of the client.
HIGHEST_IMPORT = {'broker': 'objects'}

# The core of the broker is as closed as the engine: only these files touch the outside world.
BROKER_WITH_IO = {'__main__', 'embedded', 'loop_thread', 'server', 'store', 'watching'}

RANK = {name: rank for rank, row in enumerate(FLOORS) for name in row}
FIRST_WITH_IO = RANK['net']

# Sockets, threads, clocks and dice; and the way round this list.
# fmt: off
OUTSIDE_WORLD = {
    '_thread', 'asyncio', 'concurrent', 'importlib', 'multiprocessing', 'queue', 'random', 'sched',
    'secrets', 'select', 'selectors', 'signal', 'socket', 'socketserver', 'sqlite3', 'ssl',
    'subprocess', 'threading', 'time', 'uuid',
}
# fmt: on
# What the extra `cli` installs; programs do without.
FOR_PEOPLE = {'click', 'rich', 'trustme'}
# What the extra `kombu` installs.
FOR_KOMBU = {'amqp', 'celery', 'kombu', 'vine'}
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
        has_io = RANK[floor] >= FIRST_WITH_IO
        if floor == 'broker':
            has_io = importer[-1] in BROKER_WITH_IO
        for line, name in (*imports(path, (PACKAGE, *importer[:-1])), *dice(path)):
            complaint = judge(floor, name, has_io=has_io)
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


def judge(floor: str, imported: str, *, has_io: bool) -> str | None:
    """Tell what is wrong with a module of `floor` importing a dotted name; None if nothing is."""
    top, _, rest = imported.partition('.')
    if top == PACKAGE:
        name = rest.partition('.')[0]
        target = name if name in RANK else ''  # from coolamqp import __version__
        return judge_inside(floor, target)
    if floor != 'compilation' and top in OUTSIDE_WORLD and not has_io:
        return (
            f'imports {top}, which is for clustering and aio only; '
            'take what you need (now, bytes, a random number) as an argument'
        )
    if floor != 'cli' and top in FOR_PEOPLE:
        return f'imports {top}, which belongs to the extra cli; only coolamqp.cli may import it'
    if floor != 'kombu' and top in FOR_KOMBU:
        return f'imports {top}, which belongs to the extra kombu; only coolamqp.kombu may import it'
    if floor and imported in DICE and not has_io:
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


# The drivers know the engine and its effects, and nothing below. This is all that they may import
# from the floors under `api`, file by file.
DRIVERS = (
    'clustering/driver', 'clustering/dispatcher', 'clustering/io_thread', 'aio/driver',
    'aio/dispatcher', 'net/connector', 'net/lookup', 'net/transport', 'net/transports',
)  # fmt: skip
KNOWN_TO_DRIVERS = {
    'attaches': {'delivery', 'effects', 'mailbox'},
    'supervisor': {'addresses', 'engine', 'link', 'mailboxes', 'states'},
    'uplink': set(),
}
RIG = Path(__file__).parent / 'support' / 'rig.py'


def reaches(path: Path, parent: tuple[str, ...]) -> Iterator[str]:
    """Yield a sentence for each import of a driver that reaches below the engine."""
    for line, name in imports(path, parent):
        _, _, rest = name.partition('.')
        floor, module = (*rest.split('.'), '', '')[:2]
        if floor in KNOWN_TO_DRIVERS and module not in KNOWN_TO_DRIVERS[floor]:
            yield f'{path.name}:{line}: a driver imports {name}; give the engine a verb for it'


def imported_modules(source: Path) -> dict[str, set[str]]:
    """Return for each module of the package those that it imports, annotations counted."""
    paths = {'.'.join(path.relative_to(source).with_suffix('').parts): path
             for path in source.rglob('*.py')}  # fmt: skip
    graph: dict[str, set[str]] = {}
    for module, path in paths.items():
        named = {name.removeprefix(f'{PACKAGE}.')
                 for _, name in imports(path, (PACKAGE, *module.split('.')[:-1]))
                 if name.startswith(f'{PACKAGE}.')}  # fmt: skip
        graph[module] = {each for name in named for each in (name, name.rpartition('.')[0])
                         if each in paths and each != module}  # fmt: skip
    return graph


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Return the groups of modules that import each other, directly or not."""
    reachable = {module: reachable_from(module, graph) for module in graph}
    found: list[set[str]] = []
    for module in graph:
        circle = {each for each in reachable[module] if module in reachable[each]}
        if circle and circle not in found:
            found.append(circle)
    return found


def reachable_from(module: str, graph: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(graph[module])
    while waiting:
        each = waiting.pop()
        if each not in seen:
            seen.add(each)
            waiting += graph[each]
    return seen


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(imported_modules(SOURCE)) == []


def test_a_circle_is_found(tmp_path: Path) -> None:
    files = {
        'a': 'from coolamqp import b',
        'b': 'import coolamqp.c',
        'c': 'if 0:\n    from coolamqp.a import x',
        'd': 'import coolamqp.a',
        'e': 'import d',  # another package, which has the name of a module of this one
    }
    for name, line in files.items():
        (tmp_path / f'{name}.py').write_text(f'{line}\n')

    assert circles(imported_modules(tmp_path)) == [{'a', 'b', 'c'}]


@pytest.mark.parametrize('driver', DRIVERS)
def test_drivers_know_the_engine_and_nothing_below(driver: str) -> None:
    path = SOURCE / f'{driver}.py'
    assert list(reaches(path, (PACKAGE, driver.partition('/')[0]))) == []


def test_the_third_driver_knows_no_more_and_is_a_page_long() -> None:
    assert list(reaches(RIG, ('tests', 'support'))) == []
    assert len(RIG.read_text('utf-8').splitlines()) < 150


def test_a_driver_that_reaches_below_the_engine_is_reported(tmp_path: Path) -> None:
    file = tmp_path / 'driver.py'
    file.write_text('from coolamqp.uplink.connection import Connection\n')

    (complaint,) = reaches(file, (PACKAGE, 'aio'))

    assert 'give the engine a verb' in complaint


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
        ('broker/queue.py', 'import time', 'imports time'),
        ('broker/vhost.py', 'import sqlite3', 'imports sqlite3'),
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
        ('cli/ping.py', 'from coolamqp.testing import target', 'cli imports testing'),
        ('clustering/cluster.py', 'import click', 'imports click'),
        ('clustering/cluster.py', 'import amqp', 'imports amqp'),
        ('broker/__main__.py', 'from rich.console import Console', 'imports rich'),
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
        ('kombu/transport.py', 'from kombu.transport import base'),
    ],
)
def test_what_is_right_is_not_reported(tmp_path: Path, path: str, line: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'{line}\n')

    assert list(broken_rules(tmp_path)) == []


FACES = ('clustering', 'aio')


def modules_without_tests(source: Path, tests: Path) -> Iterator[str]:
    """Yield the modules without a file: tests/FLOOR/test_MODULE.py.

    What clustering and aio promise alike is tested once, on both, in tests/both/test_MODULE.py.
    """
    for path in sorted(source.rglob('*.py')):
        module = path.relative_to(source)
        if path.name == '__init__.py':
            continue
        folders = [module.parent]
        if module.parent.name in FACES and all((source / f / path.name).exists() for f in FACES):
            folders.append(Path('both'))
        if not any((tests / folder / f'test_{path.name}').exists() for folder in folders):
            yield str(module)


def test_each_module_has_its_file_of_tests() -> None:
    assert list(modules_without_tests(SOURCE, Path(__file__).parent)) == []


def test_a_module_without_tests_is_reported(tmp_path: Path) -> None:
    files = [
        'coolamqp/__init__.py', 'coolamqp/names.py', 'tests/test_names.py',
        'coolamqp/net/tls.py', 'tests/net/test_tls.py', 'coolamqp/net/forgotten.py',
        'coolamqp/aio/core.py', 'coolamqp/clustering/core.py', 'tests/both/test_core.py',
        'coolamqp/aio/loop.py', 'tests/both/test_loop.py',
    ]  # fmt: skip
    for file in files:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    found = list(modules_without_tests(tmp_path / 'coolamqp', tmp_path / 'tests'))

    assert found == ['aio/loop.py', 'net/forgotten.py']
