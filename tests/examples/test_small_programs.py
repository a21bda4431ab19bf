"""The small programs of examples/, each run as a newcomer would run it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from coolamqp.clustering import Cluster
from coolamqp.objects import Exchange, Message, NodeDefinition

EXAMPLES = Path(__file__).parent.parent.parent / 'examples'
RUN_TIMEOUT = 60

pytestmark = pytest.mark.integration


def run(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, '')
    return done.stdout


def test_what_is_sent_is_received(broker_url: str) -> None:
    assert run('send.py', broker_url) == 'RabbitMQ has it\n'
    assert run('receive.py', broker_url) == 'hello\n'


def test_the_same_with_asyncio(broker_url: str) -> None:
    assert run('aio_send.py', broker_url) == 'RabbitMQ has it\n'
    assert run('aio_receive.py', broker_url) == 'hello\n'


def test_a_follower_sees_what_its_pattern_matches(broker_url: str) -> None:
    follower = subprocess.Popen(
        [sys.executable, str(EXAMPLES / 'follow.py'), 'sport.#', broker_url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None
    assert follower.stdout.readline() == 'following sport.#; Ctrl-C ends this\n'
    with Cluster(NodeDefinition(broker_url)) as cluster:
        for key in ('weather.rain', 'sport.chess'):
            future = cluster.publish(Message(b'news'), Exchange('news'), key, confirm=True)
            assert future is not None
            future.result(RUN_TIMEOUT)
    assert follower.stdout.readline() == 'sport.chess: news\n'
    follower.send_signal(signal.SIGINT)

    assert follower.communicate(timeout=RUN_TIMEOUT) == ('\n', '')
    assert follower.returncode == 0
