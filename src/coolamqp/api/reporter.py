"""The reporter: turns the engine's events into log lines for operators, and tells programs."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import singledispatchmethod
from typing import Any, Final

from coolamqp.attaches import events
from coolamqp.attaches.effects import LogRecord
from coolamqp.objects import Callable as CallableList
from coolamqp.objects import NodeDefinition
from coolamqp.uplink.login import shows_password

logger = logging.getLogger('coolamqp.clustering')

# How many faults are remembered; older ones are forgotten.
FAULTS_MAX: Final = 100


@dataclass(frozen=True)
class Fault:
    """Something that went wrong with a connection, or in making one.

    :ivar when: the time, in UTC
    :ivar node: the node that the connection goes to, or should have gone to
    :ivar cause: why it was lost, or not made
    """

    when: datetime
    node: NodeDefinition
    cause: Exception


class Reporter:
    """Writes events to the log, and passes them on to hooks and to `drain`.

    :param name: of the Cluster, for log lines
    :param run: runs a hook with its arguments where callbacks run
    :param put: takes an event for `drain`
    :param now: tells the time, for faults
    :param on_fail: called the first time that a connection which was up is lost
    :param on_blocked: called with whether the broker blocks the connection
    :param all_events: whether `drain` is to give all events, or only those of CoolAMQP 1.x and 2.x
    :ivar faults: the latest of what went wrong with connections
    :ivar on_event: called with each event
    :ivar on_return: called with `Returned` for each message that came back and nobody waits for
    """

    def __init__(
        self,
        name: str,
        run: Callable[..., None],
        put: Callable[[events.Event], object],
        now: Callable[[], datetime],
        on_fail: Callable[[], Any] | None,
        on_blocked: Callable[[bool], Any] | None,
        all_events: bool,
    ) -> None:
        self.faults: deque[Fault] = deque(maxlen=FAULTS_MAX)
        self.on_event = CallableList()
        self.on_return = CallableList()
        self._name = name
        self._run = run
        self._put = put
        self._now = now
        self._on_fail = on_fail
        self._on_blocked = on_blocked
        self._all_events = all_events
        self._last_failure = ''
        self._shown: set[NodeDefinition] = set()  # to which the password went unencrypted

    @singledispatchmethod
    def report(self, report: object) -> None:
        """Report an event or a log record; the kinds that are not registered below need nothing."""

    def _tell(self, event: events.Event) -> None:
        if self._all_events or isinstance(event, events.ConnectionLost):
            self._put(event)
        if self.on_event.callables:
            self._run(self.on_event, event)

    @report.register
    def _report_connected(self, event: events.ConnectionEstablished) -> None:
        told = {} if event.properties is None else event.properties.properties
        product, version = told.get('product'), told.get('version')
        logger.info('%s: connected to %s, %s %s', self._name, event.node, product, version)
        self._warn_of_plain_text(event.node)
        self._tell(event)

    def _warn_of_plain_text(self, node: NodeDefinition) -> None:
        if shows_password(node) and node not in self._shown:
            self._shown.add(node)
            what = '%s: the password went to %s over a connection without TLS; use amqps://'
            logger.warning(what, self._name, node)

    @report.register
    def _report_restored(self, event: events.TopologyRestored) -> None:
        logger.info('%s: restored on %s', self._name, event.node)
        self._tell(event)

    @report.register
    def _report_failure(self, event: events.ConnectionFailed) -> None:
        """Log a try that failed; for an operator only if it tells something new."""
        self.faults.append(Fault(self._now(), event.node, event.cause))
        failure = f'{event.node}: {event.cause}'
        level = logging.DEBUG if failure == self._last_failure else logging.INFO
        self._last_failure = failure
        logger.log(
            level, '%s: no connection to %s; again in %.1f s', self._name, failure, event.retry_in
        )

    @report.register
    def _report_loss(self, event: events.ConnectionLost) -> None:
        if event.node is not None and event.cause is not None:
            self.faults.append(Fault(self._now(), event.node, event.cause))
        logger.warning('%s: lost the connection to %s: %s', self._name, event.node, event.cause)
        self._tell(event)
        on_fail, self._on_fail = self._on_fail, None
        if on_fail is not None:
            self._run(on_fail)

    @report.register
    def _report_blocked(self, event: events.ConnectionBlocked) -> None:
        logger.warning('%s: blocked by the broker: %s', self._name, event.reason)
        self._run_on_blocked(True)

    @report.register
    def _report_unblocked(self, _event: events.ConnectionUnblocked) -> None:
        logger.info('%s: no longer blocked by the broker', self._name)
        self._run_on_blocked(False)

    def _run_on_blocked(self, blocked: bool) -> None:
        if self._on_blocked is not None:
            self._run(self._on_blocked, blocked)

    @report.register
    def _report_topology(self, event: events.TopologyFailed) -> None:
        logger.error('%s: cannot restore %r: %s', self._name, event.object, event.error)
        self._tell(event)

    @report.register
    def _report_consumer(self, event: events.ConsumerCancelled) -> None:
        self._tell(event)

    @report.register
    def _report_unroutable(self, event: events.MessageReturned) -> None:
        if self.on_return.callables:
            self._run(self.on_return, event.error)
        else:
            logger.warning('%s: a message came back: %s', self._name, event.error)

    @report.register
    def _report_log_record(self, record: LogRecord) -> None:
        logger.log(record.level, '%s: %s', self._name, record.text)
