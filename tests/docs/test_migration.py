"""The pages for users of other clients: the code of both sides does the same.

The last block of a side is a worker, which survives a lost connection, and ends at SIGTERM.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from coolamqp.broker import Broker
from coolamqp.clustering import Cluster
from coolamqp.objects import Message
from tests.docs.pages import CLIENTS, DOCS, OURS, Page, all_pages
from tests.foreign.running import program_variables
from tests.support.environments import REQUIREMENTS, python_of

PATIENCE = 30.0  # seconds for anything that a program does
PAGES = [page for page in all_pages() if page.clients]
SIDES = [
    pytest.param(page, client, id=f'{page.path.stem}-{client}')
    for page in PAGES
    for client in (*page.clients, OURS)
]


def start(program: Path, client: str) -> subprocess.Popen[str]:
    """Start the program of a side in the environment of its client."""
    ours = client == OURS
    return subprocess.Popen(
        [sys.executable, '-W', 'error', program] if ours else [python_of(CLIENTS[client]), program],
        env=None if ours else program_variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def disturb(broker: Broker) -> None:
    """Give the worker a job, cut its connection, and give it another job."""
    with Cluster(broker.url) as cluster:
        for job in (b'one', b'two'):
            broker.wait_until(lambda: broker.queue('jobs').consumers, PATIENCE)
            cluster.publish(Message(job), routing_key='jobs', confirm=True).result(PATIENCE)
            broker.wait_until(lambda: broker.queue('jobs').is_empty, PATIENCE)
            if job == b'one':
                broker.drop_connections()


@pytest.mark.parametrize(('page', 'client'), SIDES)
def test_both_sides_print_what_the_page_says(page: Page, client: str, tmp_path: Path) -> None:
    program = tmp_path / 'page.py'
    with Broker() as broker:
        program.write_text(page.program(broker.url, client), 'utf-8')
        with start(program, client) as process:
            try:
                disturb(broker)
                process.send_signal(signal.SIGTERM)
                output, errors = process.communicate(timeout=PATIENCE)
            except TimeoutError:
                process.kill()
                pytest.fail(f'the lines are those of {page}\n{process.communicate()[1]}')

    assert process.returncode == 0, f'the lines are those of {page}\n{errors}'
    assert output.splitlines() == page.output.splitlines()


@pytest.mark.parametrize('page', PAGES, ids=str)
def test_a_page_names_the_version_of_the_client(page: Page) -> None:
    for client in page.clients:
        requirements = [each.lower() for each in REQUIREMENTS[CLIENTS[client]]]
        assert f'{client.lower()}==' in ' '.join(requirements)
        versions = dict(each.split('==') for each in requirements)
        assert f'{client} {versions[client.lower()]}' in page.text


def test_there_is_a_page_for_each_client() -> None:
    names = [DOCS / 'how-to' / f'migrate-from-{client.lower()}.md' for client in CLIENTS]

    assert [page.path for page in PAGES] == sorted(names)
