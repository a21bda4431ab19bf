"""What an operator reads in the log, and what programs are told of events."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import pytest

from coolamqp.api.reporter import FAULTS_MAX, Fault, Reporter
from coolamqp.attaches import Consumer
from coolamqp.attaches.effects import LogRecord
from coolamqp.attaches.events import (
    ClusterStopped,
    ConnectionBlocked,
    ConnectionEstablished,
    ConnectionFailed,
    ConnectionLost,
    ConnectionUnblocked,
    ConsumerCancelled,
    Event,
    MessageReturned,
    TopologyFailed,
    TopologyRestored,
)
from coolamqp.exceptions import Returned
from coolamqp.framing.definitions import ConnectionStart
from coolamqp.log_events import LogEvent
from coolamqp.objects import NodeDefinition, Queue, ServerProperties
from tests.support.deliveries import deliveries

PROPERTIES = ServerProperties(ConnectionStart(0, 9, [], 'PLAIN', 'en_US'))


@pytest.fixture
def reporter() -> Reporter:
    def run(*hook: Any) -> None:
        pytest.fail(f'there are no hooks to be called, {hook}')

    def put(event: Event) -> None:
        pytest.fail(f'nobody has asked for {event}')

    return Reporter('billing', run, put, datetime.now, monotonic, None, None, all_events=False)


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


class Told:
    """A reporter, and everything that it has told a program.

    :ivar told: hooks with their arguments, and events for `drain`, in order
    :ivar now: the time, in seconds
    """

    def __init__(self, *, all_events: bool = True) -> None:
        self.told: list[Any] = []
        self.now = 0.0
        self.reporter = Reporter(
            'billing',
            lambda function, *arguments: self.told.append((function, *arguments)),
            self.told.append,
            lambda: NOON,
            lambda: self.now,
            self.on_fail,
            self.on_blocked,
            all_events,
        )

    def on_fail(self) -> None:
        """Do nothing."""

    def on_blocked(self, blocked: bool) -> None:
        """Do nothing."""


NODE = NodeDefinition('one', 'guest', 'secret')
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
CAUSE = OSError('cut')


def test_a_lost_connection_is_told_each_time_and_on_fail_once() -> None:
    program = Told(all_events=False)
    lost = ConnectionLost(NODE, CAUSE)
    program.reporter.report(lost)
    program.reporter.report(lost)
    assert program.told == [lost, (program.on_fail,), lost]


def test_programs_of_old_are_told_of_lost_connections_only() -> None:
    program, old = Told(), Told(all_events=False)
    for told in (program, old):
        told.reporter.report(TopologyRestored(NODE))
        told.reporter.report(ConsumerCancelled(Consumer(Queue('q'), None), None))
        told.reporter.report(TopologyFailed(Queue('q'), CAUSE))
    assert [type(each) for each in program.told] == [
        TopologyRestored, ConsumerCancelled, TopologyFailed,
    ]  # fmt: skip
    assert old.told == []


def test_on_event_is_called_with_every_event_whatever_drain_gives() -> None:
    old = Told(all_events=False)
    old.reporter.on_event.add(print)
    event = TopologyRestored(NODE)
    old.reporter.report(event)
    assert old.told == [(old.reporter.on_event, event)]


def test_on_blocked_is_called_with_whether_the_broker_blocks() -> None:
    program = Told()
    program.reporter.report(ConnectionBlocked('low on memory'))
    program.reporter.report(ConnectionUnblocked())
    assert program.told == [(program.on_blocked, True), (program.on_blocked, False)]


def test_a_message_that_came_back_is_told_or_else_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    program, error = Told(), Returned(deliveries(1)[0])
    program.reporter.report(MessageReturned(error))
    assert program.told == []
    assert 'returned a message' in caplog.text
    program.reporter.on_return.add(print)
    program.reporter.report(MessageReturned(error))
    assert program.told == [(program.reporter.on_return, error)]


def test_faults_are_remembered_with_their_time_and_the_oldest_forgotten() -> None:
    program = Told()
    program.reporter.report(ConnectionLost(NODE, CAUSE))
    assert list(program.reporter.faults) == [Fault(NOON, NODE, CAUSE)]
    for _ in range(FAULTS_MAX):
        program.reporter.report(ConnectionFailed(NODE, OSError('away'), 1.0))
    assert len(program.reporter.faults) == FAULTS_MAX
    assert Fault(NOON, NODE, CAUSE) not in program.reporter.faults


def fail(program: Told, now: float, node: NodeDefinition, cause: str) -> None:
    program.now = now
    program.reporter.report(ConnectionFailed(node, OSError(cause), 1.0))


def test_an_outage_is_a_line_for_each_node_and_then_a_summary_in_30_seconds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    program, other = Told(), NodeDefinition('two', 'guest', 'secret')
    program.reporter.report(ConnectionLost(NODE, CAUSE))
    for second in range(1, 60):
        fail(program, second, NODE, 'away')
        fail(program, second, other, 'refused' if second < 20 else 'timed out')
    causes = f'{NODE}: away; {other}: timed out'
    assert [record.getMessage() for record in caplog.records] == [
        f'billing: lost the connection to {NODE}: cut',
        f'billing: cannot connect to {NODE}: away; CoolAMQP tries again in 1.0 s',
        f'billing: cannot connect to {other}: refused; CoolAMQP tries again in 1.0 s',
        f'billing: no connection for 30 s, after 59 tries; the last causes are: {causes}',
    ]


def test_a_try_that_fails_is_no_loss() -> None:
    program = Told(all_events=False)
    fail(program, 0.0, NODE, 'away')
    assert program.told == []  # nothing was lost, so on_fail is not called


def test_each_outage_is_told_anew(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    program = Told()
    fail(program, 0.0, NODE, 'away')
    program.now = 100.0
    program.reporter.report(ConnectionEstablished(NODE, PROPERTIES))
    program.reporter.report(ConnectionLost(NODE, CAUSE))
    fail(program, 101.0, NODE, 'away')
    assert caplog.text.count('cannot connect') == 2
    assert 'no connection for' not in caplog.text


def test_a_log_record_is_logged_at_its_level_in_the_name_of_the_cluster(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fields: dict[str, object] = {'queue': 'in\nvoices'}
    record = LogRecord(LogEvent.CONSUMER_ENDED, 'the end\nof in\r\nvoices', logging.ERROR, fields)
    Told().reporter.report(record)
    (logged,) = caplog.records
    assert (logged.levelno, logged.getMessage()) == (logging.ERROR, 'billing: the end of in voices')
    assert fields_of(logged) == {
        'event': 'consumer_ended',
        'cluster': 'billing',
        'queue': 'in voices',
    }


@pytest.mark.parametrize(
    ('event', 'level', 'fields'),
    [
        (
            ConnectionEstablished(NodeDefinition('amqps://one'), PROPERTIES),
            logging.INFO,
            {'event': 'connected', 'node': str(NodeDefinition('amqps://one'))},
        ),
        (TopologyRestored(NODE), logging.INFO, {'event': 'restored', 'node': str(NODE)}),
        (
            ConnectionFailed(NODE, CAUSE, 1.0),
            logging.INFO,
            {'event': 'connect_failed', 'node': str(NODE), 'cause': 'cut'},
        ),
        (
            ConnectionLost(NODE, CAUSE),
            logging.WARNING,
            {'event': 'connection_lost', 'node': str(NODE), 'cause': 'cut'},
        ),
        (
            ConnectionBlocked('low on\nmemory'),
            logging.WARNING,
            {'event': 'connection_blocked', 'cause': 'low on memory'},
        ),
        (ConnectionUnblocked(), logging.INFO, {'event': 'connection_unblocked'}),
        (
            TopologyFailed(Queue('invoices'), CAUSE),
            logging.ERROR,
            {'event': 'declaration_failed', 'cause': 'cut'},
        ),
        (
            MessageReturned(Returned(deliveries(1)[0])),
            logging.WARNING,
            {'event': 'message_returned'},
        ),
    ],
    ids=lambda value: value['event'] if isinstance(value, dict) else None,
)
def test_each_event_has_its_name_and_its_fields(
    caplog: pytest.LogCaptureFixture, event: Event, level: int, fields: dict[str, str]
) -> None:
    caplog.set_level(logging.INFO)
    Told().reporter.report(event)
    (record,) = caplog.records
    assert record.levelno == level
    assert fields_of(record).items() >= {'cluster': 'billing', **fields}.items()
    assert '\n' not in record.getMessage()


def fields_of(record: logging.LogRecord) -> dict[str, str]:
    """Return what CoolAMQP has added to a record."""
    prefix = 'coolamqp_'
    return {
        name.removeprefix(prefix): value
        for name, value in vars(record).items()
        if name.startswith(prefix)
    }


def test_events_of_other_kinds_need_nothing() -> None:
    program = Told()
    program.reporter.report(ClusterStopped())
    assert program.told == []
