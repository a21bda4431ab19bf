"""What an operator reads in the log."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import pytest

from coolamqp.api.reporter import Reporter
from coolamqp.attaches.events import ConnectionEstablished, Event
from coolamqp.framing.definitions import ConnectionStart
from coolamqp.objects import NodeDefinition, ServerProperties

PROPERTIES = ServerProperties(ConnectionStart(0, 9, [], 'PLAIN', 'en_US'))


@pytest.fixture
def reporter() -> Reporter:
    def run(*hook: Any) -> None:
        pytest.fail(f'there are no hooks to be called, {hook}')

    def put(event: Event) -> None:
        pytest.fail(f'nobody has asked for {event}')

    return Reporter('billing', run, put, datetime.now, None, None, all_events=False)


def test_a_password_in_plain_text_is_warned_of_once_a_node(
    reporter: Reporter, caplog: pytest.LogCaptureFixture
) -> None:
    nodes = [NodeDefinition(name, 'guest', 'secret') for name in ('one', 'two')]
    for node in [*nodes, *nodes]:
        reporter.report(ConnectionEstablished(node, PROPERTIES))

    warnings = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert [each.getMessage() for each in warnings] == [
        f'billing: the password went to {node} over a connection without TLS; use amqps://'
        for node in nodes
    ]
    assert 'secret' not in caplog.text


@pytest.mark.parametrize(
    'node',
    [
        NodeDefinition('localhost', 'guest', 'secret'),
        NodeDefinition('amqps://guest:secret@rabbit.example'),
    ],
    ids=str,
)
def test_a_password_that_nobody_can_read_is_not(
    reporter: Reporter, caplog: pytest.LogCaptureFixture, node: NodeDefinition
) -> None:
    reporter.report(ConnectionEstablished(node, PROPERTIES))
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []
