"""Records of the last bytes of each connection. The report of a failing test shows their frames.

A record has raw bytes: to decode each frame would take longer than the work of the broker itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from coolamqp.broker.connection import BrokerConnection, ConnectionState
from coolamqp.framing.hot import Buffer

# The bytes that a record has of each direction, and the number of records of ended connections.
RECORDED_BYTES: Final = 64 * 1024
ENDED_MAX: Final = 16


@dataclass(frozen=True)
class Chunk:
    """Bytes that the broker has received or sent together.

    :ivar time: seconds since the call of `Broker.record`
    :ivar data: the bytes
    """

    time: float
    data: bytes


@dataclass(frozen=True)
class ConnectionRecord:
    """The record of a connection.

    :ivar name: the client property `connection_name`, else `product`, else `a client`
    :ivar peer: the address of the client, as host:port
    :ivar ended: whether the connection has ended
    :ivar cause: the reason for its end; empty if it is open, or if the client has closed it
    :ivar received: the last bytes from the client, in order
    :ivar sent: the last bytes to the client, in order
    :ivar received_all: whether `received` has all bytes that the client has sent
    :ivar sent_all: whether `sent` has all bytes that the broker has sent
    """

    name: str
    peer: str
    ended: bool
    cause: str
    received: list[Chunk]
    sent: list[Chunk]
    received_all: bool
    sent_all: bool


class _Direction:
    """The last bytes in one direction."""

    def __init__(self) -> None:
        self.chunks: deque[tuple[float, Buffer]] = deque()
        self.is_complete = True
        self._size = 0

    def add(self, data: Buffer, now: float) -> None:
        """Add bytes, and remove the oldest ones beyond the limit."""
        self.chunks.append((now, data))
        self._size += len(data)
        while self._size > RECORDED_BYTES and len(self.chunks) > 1:
            self._size -= len(self.chunks.popleft()[1])
            self.is_complete = False

    def copy(self, since: float) -> list[Chunk]:
        """Return the bytes."""
        return [Chunk(now - since, bytes(data)) for now, data in self.chunks]


class _Entry:
    """A connection, and its last bytes."""

    def __init__(self, connection: BrokerConnection) -> None:
        self.connection = connection
        self.received = _Direction()
        self.sent = _Direction()

    @property
    def has_ended(self) -> bool:
        """Whether the connection has ended."""
        return self.connection.stage is ConnectionState.CLOSED

    def copy(self, since: float) -> ConnectionRecord:
        """Return the record of the connection."""
        connection = self.connection
        return ConnectionRecord(
            connection.client_name or 'a client',
            connection.peer,
            self.has_ended,
            connection.cause,
            self.received.copy(since),
            self.sent.copy(since),
            self.received.is_complete,
            self.sent.is_complete,
        )


class Recorder:
    """Records the last bytes of each connection, within bounds.

    :param now: the time, in seconds on the clock of the broker
    """

    def __init__(self, now: float) -> None:
        self._since = now
        self._entries: dict[BrokerConnection, _Entry] = {}

    def received(self, connection: BrokerConnection, data: bytes, now: float) -> None:
        """Record bytes from a client."""
        self._entry(connection).received.add(data, now)

    def sent(self, connection: BrokerConnection, pieces: Iterable[Buffer], now: float) -> None:
        """Record bytes to a client."""
        direction = self._entry(connection).sent
        for piece in pieces:
            direction.add(piece, now)

    def records(self) -> list[ConnectionRecord]:
        """Return the records of the connections, in the order in which they began."""
        return [entry.copy(self._since) for entry in self._entries.values()]

    def _entry(self, connection: BrokerConnection) -> _Entry:
        entry = self._entries.get(connection)
        if entry is None:
            self._forget_ended()
            entry = self._entries[connection] = _Entry(connection)
        return entry

    def _forget_ended(self) -> None:
        ended = [connection for connection, entry in self._entries.items() if entry.has_ended]
        for connection in ended[: max(0, len(ended) - ENDED_MAX)]:
            del self._entries[connection]
