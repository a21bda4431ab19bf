"""The core of the broker: all its connections, without a socket, a thread or a clock.

The server passes received bytes and the time as arguments. Then it sends the bytes and closes the
transports that `take_outgoing` reports. No call waits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from coolamqp.broker.connection import BrokerConnection
from coolamqp.broker.errors import Refusal
from coolamqp.broker.state import BrokerState
from coolamqp.log_events import LogEvent, extra, one_line
from coolamqp.reply_codes import CONNECTION_FORCED, INTERNAL_ERROR

logger = logging.getLogger(__name__)

_LOW_MEMORY: Final = 'low on memory'


class BrokerCore:
    """The core of a broker.

    :ivar connections: the connections, by number
    """

    def __init__(self, state: BrokerState) -> None:
        self.state = state
        self.connections: dict[int, BrokerConnection] = {}
        self._next_number = 1
        self._commanded_alarm = ''

    # For the server

    def accept(self, peer: str, common_name: str | None, now: float) -> BrokerConnection:
        """Add a connection with a connected transport, and return it.

        :param peer: the address of the client, for the log
        :param common_name: the common name in the certificate of the client; None without one
        """
        self._advance(now)
        number = self._next_number
        self._next_number += 1
        log = partial(self._log, number, peer)
        connection = BrokerConnection(self.state, number, peer, common_name, log)
        self.connections[number] = connection
        return connection

    def receive(self, connection: BrokerConnection, data: bytes, now: float) -> None:
        """Process bytes of a client."""
        self._advance(now)
        self._guarded(connection, partial(connection.receive, data, now))

    def sent(self, connection: BrokerConnection, count: int, now: float) -> None:
        """Record that a transport has taken bytes."""
        self._guarded(connection, partial(connection.sent, count, now))

    def lost(self, connection: BrokerConnection, cause: str, now: float) -> None:
        """End a connection whose transport is lost."""
        self._advance(now)
        self._guarded(connection, partial(connection.lost, cause))
        self.connections.pop(connection.number, None)

    def tick(self, now: float) -> None:
        """Call the timers that are due, and commit the store."""
        self._advance(now)
        self.state.flush()

    def wake_at(self) -> float:
        """Return the time by which `tick` must be called; inf for never."""
        return self.state.timers.wake_at()

    def take_outgoing(self) -> list[BrokerConnection]:
        """Return the connections with bytes to send, or with a transport to close or to watch."""
        self.state.flush()
        self._watch_memory()
        numbers, self.state.outgoing = self.state.outgoing, set()
        found = (self.connections.get(number) for number in sorted(numbers))
        return [connection for connection in found if connection is not None]

    def _advance(self, now: float) -> None:
        """Call the timers that are due. Log an internal error, and close no connection for it."""
        try:
            self.state.timers.advance(now)
        except Exception:
            logger.exception(
                'internal error of the broker in a timer; please report it',
                extra=extra(LogEvent.BROKER_FAILED),
            )

    def _guarded(self, connection: BrokerConnection, call: Callable[[], None]) -> None:
        """Call a function for a connection. After an internal error, close only this connection."""
        try:
            call()
        except Exception:
            logger.exception(
                'internal error of the broker in the connection from %s; please report it',
                connection.peer,
                extra=extra(LogEvent.BROKER_FAILED),
            )
            connection.refuse(Refusal(INTERNAL_ERROR, ''), 0)

    # Commands

    def close_all(self, reason: str) -> None:
        """Close all connections, as RabbitMQ does when it stops (320 CONNECTION_FORCED)."""
        for connection in list(self.connections.values()):
            connection.refuse(Refusal(CONNECTION_FORCED, reason), 0)

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with its contents, and close its connections."""
        vhost = self.state.vhosts.pop(name)
        for connection in list(self.connections.values()):
            if connection.session.is_open and connection.session.vhost is vhost:
                connection.refuse(Refusal(CONNECTION_FORCED, f"vhost '{name}' is deleted"), 0)
        for queue in list(vhost.queues.values()):
            vhost.delete_queue(queue)
        self.state.store.delete_vhost(name)

    def raise_alarm(self, reason: str = _LOW_MEMORY) -> None:
        """Block each connection that publishes from now on."""
        self._commanded_alarm = reason
        self._watch_memory()

    def clear_alarm(self) -> None:
        """Let all connections publish again, unless messages use too much memory."""
        self._commanded_alarm = ''
        self._watch_memory()

    def _watch_memory(self) -> None:
        """Raise the memory alarm if a test or the memory requires it; otherwise clear it."""
        state = self.state
        alarm = self._commanded_alarm or (_LOW_MEMORY if state.memory.short else '')
        if alarm == state.alarm:
            return
        state.alarm = alarm
        if alarm:
            logger.warning(
                'publishers are blocked: %s', alarm, extra=extra(LogEvent.BROKER_ALARM, cause=alarm)
            )
        else:
            logger.info(
                'publishers are not blocked any more', extra=extra(LogEvent.BROKER_ALARM_CLEARED)
            )
            for connection in list(self.connections.values()):
                self._guarded(connection, connection.unblock)

    def _log(self, number: int, peer: str, event: LogEvent, text: str) -> None:
        logger.info(
            'connection %d from %s %s', number, peer, one_line(text), extra=extra(event, peer=peer)
        )
