"""The members of the JSON output are those in the documentation."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest

from coolamqp.broker import Broker
from coolamqp.clustering import Cluster
from coolamqp.objects import Exchange, Message, Queue
from tests.cli.command import Command

PAGE = Path(__file__).parents[2] / 'docs' / 'command-line' / 'json.md'
CELL = re.compile(r'`([^`]+)`')


def documented() -> dict[str, list[str]]:
    """Return the members of each command in the table of the page."""
    rows = re.findall(r'^\| (.+) \| (`.+`) \|$', PAGE.read_text('utf-8'), re.MULTILINE)
    found = {}
    for commands, members in rows:
        for command in CELL.findall(commands) or ['failure']:
            found[command] = CELL.findall(members)
    return found


# A command of each row that ends by itself. Those with {file} come after the one that writes it.
LINES = {
    'ping': ['ping'],
    'declare': ['declare', 'queue', 'new'],
    'bind': ['bind', 'jobs', 'amq.topic', 'k'],
    'unbind': ['unbind', 'jobs', 'amq.topic', 'k'],
    'info queue': ['info', 'queue', 'jobs'],
    'info exchange': ['info', 'exchange', 'events'],
    'purge': ['purge', 'jobs'],
    'delete': ['delete', 'exchange', 'events'],
    'publish': ['publish', 'jobs', 'x'],
    'publish --no-confirm': ['publish', 'jobs', 'x', '--no-confirm'],
    'move': ['move', 'jobs', 'done', '--idle', '0'],
    'reply': ['reply', 'jobs', '--exec', 'cat', '-n', '1'],
    'bench run': ['bench', 'run', '-d', '0.1', '--save', '{folder}/run'],
    'bench compare': ['bench', 'compare', '{folder}/saved', '{folder}/saved'],
    'replay': ['replay', '{folder}/recorded'],
    'demo': ['demo', '-n', '2'],
    'context add': ['context', 'add', 'rabbit', 'amqp://rabbit/'],
    'context list': ['context', 'list'],
    'context use': ['context', 'use', 'known'],
    'context remove': ['context', 'remove', 'known'],
    'failure': ['info', 'queue', 'nowhere'],
}
# Commands that run until somebody ends them.
ENDLESS = {
    'record': ['record', '{folder}/new', 'events', '-n', '1'],
    'broker': ['broker', '--port', '0'],
    'broker --tls': ['broker', '--port', '0', '--tls'],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a recorded message and a saved run."""
    (tmp_path / 'recorded').write_text('{"routing_key": "jobs"}\n')
    figures = {'p50': 1.0, 'p99': 2.0}
    run = {'plan': {}, 'published_per_s': 1.0, 'consumed_per_s': 1.0,
           'confirm_ms': figures, 'latency_ms': figures}  # fmt: skip
    (tmp_path / 'saved').write_text(json.dumps(run))
    return tmp_path


@pytest.fixture(autouse=True)
def topology(broker: Broker) -> None:
    with Cluster(broker.url) as cluster:
        for name in ('jobs', 'done'):
            cluster.declare(Queue(name, durable=True)).result(10)
        cluster.declare(Exchange('events', 'topic', durable=True)).result(10)
        cluster.publish(Message(b'x'), routing_key='jobs', confirm=True).result(10)


def test_each_command_of_the_page_is_tried() -> None:
    assert set(documented()) == set(LINES) | set(ENDLESS)


@pytest.mark.parametrize('name', LINES)
def test_the_members_are_the_documented_ones(coolamqp: Command, folder: Path, name: str) -> None:
    coolamqp('context', 'add', 'known', 'amqp://rabbit/')

    ended = coolamqp(*(part.format(folder=folder) for part in LINES[name]), '--json')

    line = (ended.error if name == 'failure' else ended.out).splitlines()[0]
    assert list(json.loads(line)) == documented()[name]


@pytest.mark.parametrize('name', ENDLESS)
def test_so_are_those_of_commands_without_an_end(
    coolamqp: Command, broker: Broker, folder: Path, name: str
) -> None:
    line = [part.format(folder=folder) for part in ENDLESS[name]]
    with coolamqp.start(*line, '--json') as process:
        assert process.stdout is not None
        if name == 'record':
            broker.wait_until(lambda: any(broker.queue(each).consumers for each in broker.queues()))
            coolamqp('publish', '-e', 'events', 'k', 'x')
        record = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    assert list(record) == documented()[name]
