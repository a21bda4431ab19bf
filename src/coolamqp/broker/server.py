"""The server: the sockets of the broker, on an asyncio event loop.

No other module of the broker uses a socket. The server decides nothing, except the faults of the
network that a test commands.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from math import inf
from typing import Any, Final, cast

from coolamqp.broker.connection import HANDSHAKE_TIMEOUT, BrokerConnection
from coolamqp.broker.core import BrokerCore
from coolamqp.broker.recorder import Recorder

# The longest time that a stopping server waits until its clients have the last bytes, in seconds.
_FAREWELL_TIMEOUT: Final = 0.2
# The time between two sends of a slow server, in seconds.
_SLOW_INTERVAL: Final = 0.01
_BACKLOG: Final = 1024
# SO_LINGER with time 0: close() resets the connection, and drops unsent bytes.
_NO_LINGER: Final = struct.pack('ii', 1, 0)


class Server:
    """A server for one core.

    :param host: address to listen on
    :param port: port to listen on; 0 for any free port
    :param tls: the TLS context of the server; None for no TLS
    :ivar port: the port that it listens on
    :ivar refuses: whether new connections are reset
    :ivar recorder: records the bytes of all connections; None for none
    :ivar on_event: a function to call after each event of a transport or a timer; None for none
    :ivar frozen: whether the server neither reads nor writes
    :ivar bytes_per_second: the limit for sending to each client; inf for no limit
    """

    def __init__(self, core: BrokerCore, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self.core = core
        self.host = host
        self.port = port
        self.refuses = False
        self.frozen = False
        self.bytes_per_second = inf
        self.recorder: Recorder | None = None
        self.on_event: Callable[[], None] | None = None
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._transports: dict[int, _ClientTransport] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf

    @property
    def now(self) -> float:
        """The time, in seconds on the clock of the loop."""
        return asyncio.get_running_loop().time()

    async def start(self) -> None:
        """Start to listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _ClientTransport(self),
            self.host,
            self.port,
            ssl=self._tls,
            backlog=_BACKLOG,
            ssl_handshake_timeout=None if self._tls is None else HANDSHAKE_TIMEOUT,
            reuse_address=True,
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self.flush()

    async def stop(self, reason: str) -> None:
        """Close all connections with 320 CONNECTION_FORCED, and stop listening."""
        self.frozen = False
        self.bytes_per_second = inf
        if self._server is not None:
            self._server.close()
            self._server = None
        self.core.close_all(reason)
        self.flush()
        for transport in list(self._transports.values()):
            transport.close_softly()
        await self._wait_for_the_end()
        for transport in list(self._transports.values()):
            transport.abort()
        if self._timer is not None:
            self._timer.cancel()
            self._timer_at = inf
        await asyncio.sleep(0)

    async def _wait_for_the_end(self) -> None:
        """Wait until all transports are closed, for a limited time."""
        gone = [transport.gone for transport in self._transports.values()]
        if gone:
            await asyncio.wait(gone, timeout=_FAREWELL_TIMEOUT)

    # The transports

    def added(self, transport: _ClientTransport, connection: BrokerConnection) -> None:
        """Add the transport of a connection."""
        self._transports[connection.number] = transport

    def removed(self, connection: BrokerConnection) -> None:
        """Remove the transport of a connection."""
        self._transports.pop(connection.number, None)

    def flush(self) -> None:
        """Send all bytes of the core, and set the timer."""
        while True:
            outgoing = self.core.take_outgoing()
            if not outgoing:
                break
            for connection in outgoing:
                transport = self._transports.get(connection.number)
                if transport is not None:
                    transport.flush()
        self._set_timer()

    def finish_event(self) -> None:
        """Send the bytes that an event has caused, and call `on_event`."""
        self.flush()
        if self.on_event is not None:
            self.on_event()

    def _set_timer(self) -> None:
        wake_at = self.core.wake_at()
        if wake_at < self._timer_at or self._timer_at <= self.now:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = wake_at
            loop = asyncio.get_running_loop()
            self._timer = None if wake_at == inf else loop.call_at(wake_at, self._tick)

    def _tick(self) -> None:
        self._timer_at = inf
        if self.frozen:
            return
        self.core.tick(self.now)
        self.finish_event()

    # Faults of the network

    def drop_connections(self) -> int:
        """Reset all connections; return their number."""
        transports = list(self._transports.values())
        for transport in transports:
            transport.reset()
        return len(transports)

    def freeze(self) -> None:
        """Stop reading and writing. All sockets stay open."""
        self.frozen = True
        for transport in self._transports.values():
            transport.watch()

    def thaw(self) -> None:
        """Read and write again after `freeze`."""
        self.frozen = False
        for transport in list(self._transports.values()):
            transport.watch()
            transport.flush()
        self._tick()

    @property
    def is_slow(self) -> bool:
        """Whether there is a limit for the bytes a second."""
        return self.bytes_per_second != inf

    def set_rate(self, bytes_per_second: float) -> None:
        """Send at most this many bytes a second to each client; inf for no limit."""
        self.bytes_per_second = bytes_per_second
        for transport in list(self._transports.values()):
            transport.flush()


class _ClientTransport(asyncio.Protocol):
    """The transport of one client."""

    def __init__(self, server: Server) -> None:
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._server = server
        self._core = server.core
        self._transport: asyncio.Transport | None = None
        self._connection: BrokerConnection | None = None
        self._writable = True
        self._reads = True
        self._next_slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Add the connection of a client, or reset it while the server refuses connections."""
        self._transport = transport = cast('asyncio.Transport', transport)
        if self._server.refuses:
            self.reset()
            return
        peer = _address(transport.get_extra_info('peername'))
        certificate = transport.get_extra_info('peercert')
        common_name = _common_name(certificate)
        self._connection = self._core.accept(peer, common_name, self._server.now)
        self._server.added(self, self._connection)
        self.watch()
        self._server.finish_event()

    def data_received(self, data: bytes) -> None:
        """Process bytes of the client."""
        if self._connection is not None:
            now = self._server.now
            if self._server.recorder is not None:
                self._server.recorder.received(self._connection, data, now)
            self._core.receive(self._connection, data, now)
            self._server.finish_event()

    def connection_lost(self, error: Exception | None) -> None:
        """End the connection."""
        if self._next_slow is not None:
            self._next_slow.cancel()
        if not self.gone.done():
            self.gone.set_result(None)
        if self._connection is not None:
            cause = 'the client has closed the socket' if error is None else str(error)
            self._server.removed(self._connection)
            self._core.lost(self._connection, cause, self._server.now)
            self._server.finish_event()

    def pause_writing(self) -> None:
        """Stop sending, because the buffer of the transport is full."""
        self._writable = False

    def resume_writing(self) -> None:
        """Send again, because the buffer of the transport has room."""
        self._writable = True
        self.flush()
        self._server.flush()

    def flush(self) -> None:
        """Send as many bytes as the transport accepts."""
        connection, transport = self._connection, self._transport
        if connection is None or transport is None:
            return
        if connection.is_aborted:
            transport.abort()  # also if it is closing, which never ends if the client does not read
        if transport.is_closing():
            return
        if self._server.is_slow:
            self._flush_slowly()
            return
        while self._writable and not self._server.frozen:
            pieces = connection.pieces()
            if not pieces:
                break
            count = sum(map(len, pieces))
            if self._server.recorder is not None:
                self._server.recorder.sent(connection, pieces, self._server.now)
            if len(pieces) == 1:
                transport.write(pieces[0])
            else:
                transport.writelines(pieces)
            self._core.sent(connection, count, self._server.now)
        self.watch()
        if connection.is_over():
            transport.close()

    def _flush_slowly(self) -> None:
        """Send the bytes of one interval, and set a timer for the next."""
        connection, transport = self._connection, self._transport
        if connection is None or transport is None or self._next_slow is not None:
            return
        pieces = connection.pieces()
        if pieces and not self._server.frozen:
            share = int(self._server.bytes_per_second * _SLOW_INTERVAL)
            count = min(max(share, 1), sum(map(len, pieces)))
            piece = connection.session.out.front(count)
            if self._server.recorder is not None:
                self._server.recorder.sent(connection, [piece], self._server.now)
            transport.write(piece)
            self._core.sent(connection, count, self._server.now)
        if pieces:
            loop = asyncio.get_running_loop()
            self._next_slow = loop.call_later(_SLOW_INTERVAL, self._flush_again)
        elif connection.is_over():
            transport.close()

    def _flush_again(self) -> None:
        self._next_slow = None
        self.flush()

    def watch(self) -> None:
        """Start or stop reading, as the core and the faults require."""
        connection, transport = self._connection, self._transport
        if connection is None or transport is None or transport.is_closing():
            return
        reads = connection.wants_read and not self._server.frozen
        if reads != self._reads:
            self._reads = reads
            connection.set_reading(reads, self._server.now)
            (transport.resume_reading if reads else transport.pause_reading)()

    def close_softly(self) -> None:
        """Close the socket after all bytes are sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close the socket at once."""
        if self._transport is not None:
            self._transport.abort()

    def reset(self) -> None:
        """Reset the TCP connection, without connection.close."""
        if self._transport is not None:
            made = self._transport.get_extra_info('socket')
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self._transport.abort()


def _address(name: Any) -> str:
    return f'{name[0]}:{name[1]}' if isinstance(name, tuple) else str(name)


def _common_name(certificate: Any) -> str | None:
    """Return the common name of the subject of a certificate; None without a certificate."""
    if not certificate:
        return None
    for part in certificate.get('subject', ()):
        for name, value in part:
            if name == 'commonName':
                return str(value)
    return None
