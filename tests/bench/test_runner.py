"""Runs: the runner carries out and checks each work, and refuses runs that lose messages."""

from __future__ import annotations

import pytest

from bench import runner
from bench.client_list import BY_NAME, Client
from bench.runner import RunFailed, Runner
from bench.task import WORKS, Item
from tests.support.nodes import BrokerNode

pytestmark = pytest.mark.integration

MESSAGES = 50


class Liar(Client):
    """Loses a message."""

    module = 'tests.bench.liar'


@pytest.mark.parametrize('name', ['raw', 'threads', 'inline', 'asyncio', 'traced'])
@pytest.mark.parametrize('work', [work for work in WORKS if work != 'ping-pong-busy'])
def test_every_work_is_done(rabbitmq: BrokerNode, name: str, work: str) -> None:
    with Runner(rabbitmq.url()) as running:
        result = running.run(BY_NAME[name], Item(work=work), MESSAGES)
    assert result.unable or (result.measurement and result.measurement.messages == MESSAGES)


def test_who_loses_a_message_fails_the_run(
    rabbitmq: BrokerNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, 'COUNT_SECONDS_MAX', 0.2)
    liar = Liar('liar', 'a liar', 'liar', BY_NAME['raw'].environment, '')
    with Runner(rabbitmq.url()) as running, pytest.raises(RunFailed, match='49 messages'):
        running.run(liar, Item(work='publish'), MESSAGES)


def test_who_cannot_do_something_says_why(rabbitmq: BrokerNode) -> None:
    with Runner(rabbitmq.url()) as running:
        result = running.run(BY_NAME['raw'], Item(work='publish', threads=8), MESSAGES)
    assert result.measurement is None
    assert result.unable == 'one thread only'
