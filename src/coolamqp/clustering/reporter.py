"""Telling an operator, by the log, and a program, by its hooks, what happens to the connection."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from coolamqp.attaches.outcomes import Remark
from coolamqp.clustering.dispatcher import Dispatcher
from coolamqp.clustering.events import ConnectionLost
from coolamqp.clustering.inbox import Inbox
from coolamqp.supervisor.notices import (
    Blocked,
    Connected,
    ConnectFailed,
    Disconnected,
    Restored,
    TopologyFailed,
)

logger = logging.getLogger('coolamqp.clustering')


class Reporter:
    """Turns the engine's notices into log lines, events and calls of hooks.

    :param name: of the Cluster, for log lines
    :param on_fail: called the first time that a connection which was up is lost
    :param on_blocked: called with whether the broker blocks the connection
    """

    def __init__(
        self,
        name: str,
        dispatcher: Dispatcher,
        inbox: Inbox,
        on_fail: Callable[[], Any] | None,
        on_blocked: Callable[[bool], Any] | None,
    ) -> None:
        self._name = name
        self._dispatcher = dispatcher
        self._inbox = inbox
        self._on_fail = on_fail
        self._on_blocked = on_blocked
        self._last_failure = ''

    def report(self, notice: object) -> None:
        """Pass a notice on."""
        name = self._name
        if isinstance(notice, Connected):
            product, version = (notice.properties.properties.get(k) for k in ('product', 'version'))
            logger.info('%s: connected to %s, %s %s', name, notice.node, product, version)
        elif isinstance(notice, Restored):
            logger.info('%s: restored on %s', name, notice.node)
        elif isinstance(notice, ConnectFailed):
            self._report_failure(notice)
        elif isinstance(notice, Disconnected):
            self._report_loss(notice)
        elif isinstance(notice, Blocked):
            self._report_blocked(notice)
        elif isinstance(notice, Remark):
            logger.log(notice.level, '%s: %s', name, notice.text)
        elif isinstance(notice, TopologyFailed):
            logger.error('%s: cannot restore %r: %s', name, notice.subject, notice.error)

    def _report_failure(self, notice: ConnectFailed) -> None:
        """Log a try that failed; for an operator only if it tells something new."""
        failure = f'{notice.node}: {notice.cause}'
        level = logging.DEBUG if failure == self._last_failure else logging.INFO
        self._last_failure = failure
        logger.log(
            level, '%s: no connection to %s; again in %.1f s', self._name, failure, notice.retry_in
        )

    def _report_loss(self, notice: Disconnected) -> None:
        logger.warning('%s: lost the connection to %s: %s', self._name, notice.node, notice.cause)
        self._inbox.put(ConnectionLost())
        on_fail, self._on_fail = self._on_fail, None
        if on_fail is not None:
            self._dispatcher.call(on_fail)

    def _report_blocked(self, notice: Blocked) -> None:
        if notice.blocked:
            logger.warning('%s: blocked by the broker: %s', self._name, notice.reason)
        else:
            logger.info('%s: no longer blocked by the broker', self._name)
        if self._on_blocked is not None:
            self._dispatcher.call(self._on_blocked, notice.blocked)
