"""Other clients run unchanged. Each has a program, which prints a line for each step."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Final

import pytest

from tests.foreign.running import run_node, run_python

STEPS: Final = (
    'declare',
    'publish',
    'get',
    'get_empty',
    'consume',
    'redeliver',
    'cancel',
    'mandatory_return',
    'channel_error',
    'transaction',
    'delete',
    'login_refused',
)
NO_NODE: Final = 'amqplib needs node and npm'


@dataclass(frozen=True)
class Client:
    """A client in Python.

    :ivar program: a module of `tests.foreign.programs`
    :ivar environment: the environment, see `tests.support.environments`
    :ivar lacks: the steps for which the client has no calls
    """

    program: str
    environment: str
    lacks: frozenset[str] = frozenset()


CLIENTS: Final = (
    Client('pika_blocking', 'pika'),
    Client('pika_select', 'pika'),
    Client('pika_asyncio', 'pika'),
    Client('aio_pika', 'aio_pika'),
    Client('amqpstorm', 'amqpstorm'),
    Client('py_amqp', 'amqp'),
    Client('rabbitpy', 'rabbitpy'),
    Client('kombu', 'celery', frozenset({'transaction'})),
    Client(
        'coolamqp_2',
        'coolamqp_2',
        frozenset({'get', 'get_empty', 'mandatory_return', 'transaction'}),
    ),
)


@pytest.mark.parametrize('client', CLIENTS, ids=lambda client: client.program)
def test_client(client: Client, foreign_broker_url: str) -> None:
    run = run_python(client.environment, client.program, foreign_broker_url)
    run.check([step for step in STEPS if step not in client.lacks])


@pytest.mark.skipif(not (shutil.which('node') and shutil.which('npm')), reason=NO_NODE)
def test_client_for_node(foreign_broker_url: str) -> None:
    run = run_node('amqplib', 'amqplib.js', foreign_broker_url)
    run.check([step for step in STEPS if step != 'transaction'])
