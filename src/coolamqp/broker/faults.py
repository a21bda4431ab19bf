"""The faults of a broker, on command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

from coolamqp.broker.calls import DEFAULT_VHOST, BrokerCalls
from coolamqp.broker.errors import Refusal
from coolamqp.reply_codes import PRECONDITION_FAILED


class FaultCalls(BrokerCalls):
    """The part of a broker by which tests disturb it. See `coolamqp.broker.Broker`."""

    @property
    def faults(self) -> list[str]:
        """The faults that are on, or still to come, as text."""

        def find() -> list[str]:
            server, faults = self._server, self._state.faults
            found = {
                'frozen': server.frozen,
                'refuses connections': server.refuses,
                f'sends {server.bytes_per_second:g} bytes a second': server.is_slow,
                f'publishers are blocked: {self._state.alarm}': self._state.alarm,
                f'publications to refuse: {faults.nacks}': faults.nacks,
                f'confirms to lose: {faults.lost_confirms}': faults.lost_confirms,
            }
            return [text for text, is_on in found.items() if is_on]

        return self._call(find)

    def drop_connections(self) -> int:
        """Reset all connections, as a network does; return their number."""
        return self._call(self._server.drop_connections)

    def close_connections(self, reason: str = 'closed by a test') -> None:
        """Close all connections with 320 CONNECTION_FORCED."""
        self._call(lambda: self._server.core.close_all(reason))

    def close_channels(self, code: int = PRECONDITION_FAILED, text: str = 'by a test') -> None:
        """Close all channels with a reply code."""

        def close() -> None:
            for connection in self._server.core.connections.values():
                connection.close_channels(Refusal(code, text))

        self._call(close)

    def refuse(self, refused: bool = True) -> None:
        """Reset new connections, until `refuse(False)`."""

        def refuse() -> None:
            self._server.refuses = refused

        self._call(refuse)

    def freeze(self) -> None:
        """Neither read nor write, while all sockets stay open."""
        self._call(self._server.freeze)

    def thaw(self) -> None:
        """Go on after `freeze`."""
        self._call(self._server.thaw)

    def block(self, reason: str = 'low on memory') -> None:
        """Block all clients that publish (connection.blocked)."""
        self._call(lambda: self._server.core.raise_alarm(reason))

    def unblock(self) -> None:
        """Let all clients publish again."""
        self._call(self._server.core.clear_alarm)

    def nack_next(self, count: int = 1) -> None:
        """Refuse the next publishes with confirms (basic.nack)."""

        def nack() -> None:
            self._state.faults.nacks += count

        self._call(nack)

    def lose_next_confirm(self, count: int = 1) -> None:
        """Keep the next messages, but never send their confirms."""

        def lose() -> None:
            self._state.faults.lost_confirms += count

        self._call(lose)

    def cancel_consumers(self, queue: str, vhost: str = DEFAULT_VHOST) -> int:
        """Cancel the consumers of a queue, as when a queue moves; return their number.

        :raises KeyError: there is no such queue or virtual host
        """

        def cancel() -> int:
            found = self._queue(queue, vhost)
            consumers = list(found.consumers)
            for consumer in consumers:
                consumer.channel.consumer_cancelled(consumer)
                found.remove_consumer(consumer)
            return len(consumers)

        return self._call(cancel)

    @contextmanager
    def slow(self, bytes_per_second: float) -> Iterator[None]:
        """Send at most this many bytes a second to each client, during a `with` block."""
        self._call(lambda: self._server.set_rate(bytes_per_second))
        try:
            yield
        finally:
            self._call(lambda: self._server.set_rate(inf))

    def heal(self) -> None:
        """End all faults: those that last, and those that are still to come."""

        def heal() -> None:
            self._state.faults.nacks = self._state.faults.lost_confirms = 0
            self._server.refuses = False
            self._server.core.clear_alarm()
            self._server.set_rate(inf)
            self._server.thaw()

        self._call(heal)
