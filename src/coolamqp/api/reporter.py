"""The reporter: it writes the reports of the engine to the log, and passes events to programs."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import singledispatchmethod
from logging import DEBUG, ERROR, INFO, WARNING
from typing import Any, Final

from coolamqp.attaches import events
from coolamqp.attaches.effects import LogRecord
from coolamqp.log_events import LogEvent, extra, one_line
from coolamqp.objects import Callable as CallableList
from coolamqp.objects import NodeDefinition
from coolamqp.uplink.login import shows_password

logger = logging.getLogger('coolamqp.clustering')

# `Cluster.faults` keeps at most this many faults, and drops the oldest ones.
FAULTS_MAX: Final = 100
# The shortest time between two summaries of an outage, in seconds.
SUMMARY_INTERVAL: Final = 30.0


@dataclass(frozen=True)
class Fault:
    """A lost connection, or a failed try to connect.

    :ivar when: the date and time, in UTC
    :ivar node: the node of the connection
    :ivar cause: the error that ended or prevented the connection
    """

    when: datetime
    node: NodeDefinition
    cause: Exception


class Outage:
    """A time without a connection, as the log tells it: in few lines, and never silent long.

    :param now: its start, in seconds
    """

    def __init__(self, now: float) -> None:
        self._start = self._last_summary = now
        self._tries = 0
        self._causes: dict[NodeDefinition, Exception] = {}

    def record(self, failure: events.ConnectionFailed) -> bool:
        """Record a failed try to connect. Return whether it is the first one to its node."""
        self._tries += 1
        is_first = failure.node not in self._causes
        self._causes[failure.node] = failure.cause
        return is_first

    def summary(self, now: float) -> str | None:
        """Return a summary if the last one is old enough; otherwise None."""
        if now - self._last_summary < SUMMARY_INTERVAL:
            return None
        self._last_summary = now
        causes = '; '.join(f'{node}: {cause}' for node, cause in self._causes.items())
        return (
            f'no connection for {now - self._start:.0f} s, after {self._tries} tries; '
            f'the last causes are: {causes}'
        )


class Reporter:
    """The receiver of all reports of the engine.

    :param name: the name of the Cluster, for log records
    :param run: runs a hook with its arguments, on a dispatcher thread or in a task
    :param put: adds an event to the inbox of `drain`
    :param now: returns the date and time in UTC, for faults
    :param clock: returns the time on the driver's clock, in seconds
    :param on_fail: the hook for the first loss of a connection
    :param on_blocked: the hook for blocked connections, called with True or False
    :param all_events: whether `drain` returns all events; otherwise only those of CoolAMQP 1.x and
        2.x
    :ivar faults: the latest faults, the newest last
    :ivar on_event: the hooks for events
    :ivar on_return: the hooks for returned messages without confirm
    """

    def __init__(
        self,
        name: str,
        run: Callable[..., None],
        put: Callable[[events.Event], object],
        now: Callable[[], datetime],
        clock: Callable[[], float],
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
        self._clock = clock
        self._on_fail = on_fail
        self._on_blocked = on_blocked
        self._all_events = all_events
        self._outage: Outage | None = None
        self._warned_of: set[NodeDefinition] = set()  # nodes with a warning about the password

    @singledispatchmethod
    def report(self, report: object) -> None:
        """Handle a report by its class; do nothing for classes without a method below."""

    def _pass_on(self, event: events.Event) -> None:
        if self._all_events or isinstance(event, events.ConnectionLost):
            self._put(event)
        if self.on_event.callables:
            self._run(self.on_event, event)

    @report.register
    def _report_connected(self, event: events.ConnectionEstablished) -> None:
        properties = {} if event.properties is None else event.properties.properties
        product, version = properties.get('product'), properties.get('version')
        self._outage = None
        self._log(
            INFO,
            LogEvent.CONNECTED,
            '%s: connected to %s, %s %s',
            event.node,
            product,
            version,
            node=event.node,
        )
        self._warn_of_plain_password(event.node)
        self._pass_on(event)

    def _warn_of_plain_password(self, node: NodeDefinition) -> None:
        if shows_password(node) and node not in self._warned_of:
            self._warned_of.add(node)
            what = '%s: the password went to %s over a connection without TLS; use amqps://'
            self._log(WARNING, LogEvent.PASSWORD_EXPOSED, what, node, node=node)

    @report.register
    def _report_restored(self, event: events.TopologyRestored) -> None:
        self._log(
            INFO,
            LogEvent.RESTORED,
            '%s: restored topology and consumers on %s',
            event.node,
            node=event.node,
        )
        self._pass_on(event)

    @report.register
    def _report_failure(self, event: events.ConnectionFailed) -> None:
        """Log the first failed try to connect to each node; a summary for all later ones."""
        self.faults.append(Fault(self._now(), event.node, event.cause))
        now = self._clock()
        self._outage = self._outage or Outage(now)
        is_first = self._outage.record(event)
        self._log(
            INFO if is_first else DEBUG,
            LogEvent.CONNECT_FAILED,
            '%s: cannot connect to %s: %s; CoolAMQP tries again in %.1f s',
            event.node,
            one_line(event.cause),
            event.retry_in,
            node=event.node,
            cause=event.cause,
        )
        summary = self._outage.summary(now)
        if summary is not None:
            self._log(WARNING, LogEvent.STILL_DISCONNECTED, '%s: %s', one_line(summary))

    @report.register
    def _report_loss(self, event: events.ConnectionLost) -> None:
        if event.node is not None and event.cause is not None:
            self.faults.append(Fault(self._now(), event.node, event.cause))
        self._outage = Outage(self._clock())
        self._log(
            WARNING,
            LogEvent.CONNECTION_LOST,
            '%s: lost the connection to %s: %s',
            event.node,
            one_line(event.cause),
            node=event.node,
            cause=event.cause,
        )
        self._pass_on(event)
        on_fail, self._on_fail = self._on_fail, None
        if on_fail is not None:
            self._run(on_fail)

    @report.register
    def _report_blocked(self, event: events.ConnectionBlocked) -> None:
        self._log(
            WARNING,
            LogEvent.CONNECTION_BLOCKED,
            '%s: the broker blocks the connection, and publications wait: %s',
            one_line(event.reason),
            cause=event.reason,
        )
        self._run_on_blocked(True)

    @report.register
    def _report_unblocked(self, _event: events.ConnectionUnblocked) -> None:
        what = '%s: the broker does not block the connection any more'
        self._log(INFO, LogEvent.CONNECTION_UNBLOCKED, what)
        self._run_on_blocked(False)

    def _run_on_blocked(self, blocked: bool) -> None:
        if self._on_blocked is not None:
            self._run(self._on_blocked, blocked)

    @report.register
    def _report_topology(self, event: events.TopologyFailed) -> None:
        self._log(
            ERROR,
            LogEvent.DECLARATION_FAILED,
            '%s: cannot declare %r again: %s',
            event.object,
            one_line(event.error),
            cause=event.error,
        )
        self._pass_on(event)

    @report.register
    def _report_consumer(
        self, event: events.ConsumerCancelled | events.ConsumerCancelledByBroker
    ) -> None:
        self._pass_on(event)

    @report.register
    def _report_unroutable(self, event: events.MessageReturned) -> None:
        if self.on_return.callables:
            self._run(self.on_return, event.error)
        else:
            self._log(
                WARNING,
                LogEvent.MESSAGE_RETURNED,
                '%s: the broker has returned a message: %s',
                one_line(event.error),
                cause=event.error,
            )

    @report.register
    def _report_log_record(self, record: LogRecord) -> None:
        self._log(record.level, record.event, '%s: %s', one_line(record.text), **record.fields)

    def _log(
        self, level: int, event: LogEvent, text: str, *arguments: object, **fields: object
    ) -> None:
        named = extra(event, cluster=self._name, **fields)
        logger.log(level, text, self._name, *arguments, extra=named)
