"""The faults that tests cause in a broker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

from coolamqp.broker.calls import DEFAULT_VHOST, BrokerCalls
from coolamqp.broker.errors import Refusal
from coolamqp.reply_codes import PRECONDITION_FAILED


class FaultCalls(BrokerCalls):
    """The calls of `coolamqp.broker.Broker` that cause faults."""

    @property
    def faults(self) -> list[str]:
        """The faults that last, and those that wait for the next messages, as text."""

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
        """Reset all connections, as a network does. Clients see no `connection.close`.

        :returns: the number of connections
        """
        return self._call(self._server.drop_connections)

    def close_connections(self, reason: str = 'closed by a test') -> None:
        """Close all connections with 320 CONNECTION_FORCED, as RabbitMQ does when it stops.

        :param reason: the text behind the code
        """
        self._call(lambda: self._server.core.close_all(reason))

    def close_channels(self, code: int = PRECONDITION_FAILED, text: str = 'by a test') -> None:
        """Close all channels with a reply code (channel.close). Connections stay open.

        :param code: the reply code, one of `coolamqp.reply_codes`; by default 406
            PRECONDITION_FAILED, with which RabbitMQ answers an unknown delivery tag, for instance
        :param text: the text behind the name of the code
        """

        def close() -> None:
            for connection in self._server.core.connections.values():
                connection.close_channels(Refusal(code, text))

        self._call(close)

    def refuse(self, refused: bool = True) -> None:
        """Reset new connections, until `refuse(False)` or `heal`. Open connections stay open.

        :param refused: whether to reset new connections from now on
        """

        def refuse() -> None:
            self._server.refuses = refused

        self._call(refuse)

    def freeze(self) -> None:
        """Stop reading and writing until `thaw` or `heal`. All sockets stay open."""
        self._call(self._server.freeze)

    def thaw(self) -> None:
        """Read and write again after `freeze`."""
        self._call(self._server.thaw)

    def block(self, reason: str = 'low on memory') -> None:
        """Block each connection that publishes from now on, until `unblock` or `heal`.

        The broker sends connection.blocked, and stops reading from the connection. RabbitMQ does
        this when memory or disk space is low: https://www.rabbitmq.com/docs/connection-blocked.

        :param reason: the reason in connection.blocked
        """
        self._call(lambda: self._server.core.raise_alarm(reason))

    def unblock(self) -> None:
        """End `block`: let all clients publish again, unless messages use too much memory."""
        self._call(self._server.core.clear_alarm)

    def nack_next(self, count: int = 1) -> None:
        """Refuse the next publications on channels with confirms (basic.nack).

        :param count: the number of publications, added to those of earlier calls
        """

        def nack() -> None:
            self._state.faults.nacks += count

        self._call(nack)

    def lose_next_confirm(self, count: int = 1) -> None:
        """Accept the next publications on channels with confirms, but never confirm them.

        :param count: the number of publications, added to those of earlier calls
        """

        def lose() -> None:
            self._state.faults.lost_confirms += count

        self._call(lose)

    def cancel_consumers(self, queue: str, vhost: str = DEFAULT_VHOST) -> int:
        """Cancel the consumers of a queue (basic.cancel), as RabbitMQ does if a queue moves.

        See https://www.rabbitmq.com/docs/consumer-cancel.

        :returns: the number of consumers
        :raises KeyError: the queue or the virtual host does not exist
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
        """Limit the rate at which the broker sends to each client, during a `with` block.

        :param bytes_per_second: the limit for each connection, in bytes a second

        >>> with broker.slow(10_000):  # doctest: +SKIP
        ...     broker.wait_for_message(routing_key='invoices')
        """
        self._call(lambda: self._server.set_rate(bytes_per_second))
        try:
            yield
        finally:
            self._call(lambda: self._server.set_rate(inf))

    def heal(self) -> None:
        """End all faults: those that last, and those that wait for the next messages."""

        def heal() -> None:
            self._state.faults.nacks = self._state.faults.lost_confirms = 0
            self._server.refuses = False
            self._server.core.clear_alarm()
            self._server.set_rate(inf)
            self._server.thaw()

        self._call(heal)
