"""Telling operators, by the log, and programs, by events and hooks, what happens to a Cluster."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import singledispatchmethod
from typing import Any, Final

from coolamqp.api import events
from coolamqp.attaches.effects import ConsumerEnded, LogRecord, Unroutable
from coolamqp.objects import Callable as CallableList
from coolamqp.objects import NodeDefinition
from coolamqp.supervisor import notices
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
    """Turns the engine's notices into log lines, events and calls of hooks.

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
        put: Callable[[events.Event], None],
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
    def report(self, notice: object) -> None:
        """Pass a notice on; what is not registered below interests nobody."""

    def _tell(self, event: events.Event) -> None:
        if self._all_events or isinstance(event, events.ConnectionLost):
            self._put(event)
        if self.on_event.callables:
            self._run(self.on_event, event)

    @report.register
    def _report_connected(self, notice: notices.Connected) -> None:
        product, version = (notice.properties.properties.get(k) for k in ('product', 'version'))
        logger.info('%s: connected to %s, %s %s', self._name, notice.node, product, version)
        self._warn_of_plain_text(notice.node)
        self._tell(events.ConnectionEstablished(notice.node))

    def _warn_of_plain_text(self, node: NodeDefinition) -> None:
        if shows_password(node) and node not in self._shown:
            self._shown.add(node)
            what = '%s: the password went to %s over a connection without TLS; use amqps://'
            logger.warning(what, self._name, node)

    @report.register
    def _report_restored(self, notice: notices.Restored) -> None:
        logger.info('%s: restored on %s', self._name, notice.node)
        self._tell(events.TopologyRestored(notice.node))

    @report.register
    def _report_failure(self, notice: notices.ConnectFailed) -> None:
        """Log a try that failed; for an operator only if it tells something new."""
        self.faults.append(Fault(self._now(), notice.node, notice.cause))
        failure = f'{notice.node}: {notice.cause}'
        level = logging.DEBUG if failure == self._last_failure else logging.INFO
        self._last_failure = failure
        logger.log(
            level, '%s: no connection to %s; again in %.1f s', self._name, failure, notice.retry_in
        )

    @report.register
    def _report_loss(self, notice: notices.Disconnected) -> None:
        self.faults.append(Fault(self._now(), notice.node, notice.cause))
        logger.warning('%s: lost the connection to %s: %s', self._name, notice.node, notice.cause)
        self._tell(events.ConnectionLost(notice.node, notice.cause))
        on_fail, self._on_fail = self._on_fail, None
        if on_fail is not None:
            self._run(on_fail)

    @report.register
    def _report_blocked(self, notice: notices.Blocked) -> None:
        if notice.blocked:
            logger.warning('%s: blocked by the broker: %s', self._name, notice.reason)
        else:
            logger.info('%s: no longer blocked by the broker', self._name)
        if self._on_blocked is not None:
            self._run(self._on_blocked, notice.blocked)

    @report.register
    def _report_topology(self, notice: notices.TopologyFailed) -> None:
        logger.error('%s: cannot restore %r: %s', self._name, notice.subject, notice.error)
        self._tell(events.TopologyFailed(notice.subject, notice.error))

    @report.register
    def _report_consumer(self, notice: ConsumerEnded) -> None:
        self._tell(events.ConsumerCancelled(notice.consumer, notice.reason))

    @report.register
    def _report_unroutable(self, notice: Unroutable) -> None:
        if self.on_return.callables:
            self._run(self.on_return, notice.error)
        else:
            logger.warning('%s: a message came back: %s', self._name, notice.error)

    @report.register
    def _report_log_record(self, notice: LogRecord) -> None:
        logger.log(notice.level, '%s: %s', self._name, notice.text)
