"""A connection of the event loop to one node: the loop resolves, connects, encrypts, moves bytes.

Knows nothing of what they mean. Whoever uses it is told once it is there, and once it is gone.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from socket import gaierror
from typing import Any, Final, Protocol, cast

from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.hot import Buffer
from coolamqp.net.tls import failure_of, make_context, no_tls, server_name
from coolamqp.objects import NodeDefinition
from coolamqp.supervisor.link import Link

# How long an address is tried alone before the next one is, too, in seconds (RFC 8305, section 5).
HEAD_START: Final = 0.25
# So many bytes are read at once.
READ_SIZE: Final = 256 * 1024
# So many bytes may be in the loop's own buffer before we cease to write.
WRITE_AHEAD: Final = 256 * 1024
# How long the last bytes of a transport that is closed may take to go out, in seconds.
FAREWELL_PATIENCE: Final = 1.0
# What OpenSSL says when the first bytes of the peer are not TLS.
NO_TLS: Final = ('WRONG_VERSION_NUMBER', 'RECORD_LAYER_FAILURE')


class User(Protocol):
    """Who wants a transport. Called by the event loop."""

    def on_connected(self, transport: Transport) -> None:
        """Bytes may go over it."""

    def on_received(self, transport: Transport, data: bytes) -> None:
        """Bytes have come."""

    def on_writable(self, transport: Transport) -> None:
        """More may be written, after it was too much."""

    def on_failed(self, transport: Transport, error: Exception) -> None:
        """There is no connection, or none any more."""


class Transport(asyncio.BufferedProtocol):
    """The transport that an link of the engine wishes for; begins to connect at once.

    Has a buffer of its own, since a loop that makes one for each chunk makes it large.
    """

    def __init__(self, link: Link, user: User) -> None:
        self.link = link
        self._user = user
        self._transport: asyncio.Transport | None = None
        self._closed = False  # whether we want it no more
        self._full = False
        self._lost = asyncio.Event()
        self._buffer = memoryview(bytearray(READ_SIZE))
        self._farewell: asyncio.TimerHandle | None = None
        self._connecting = asyncio.create_task(self._connect(), name=f'connecting to {link.node}')

    @property
    def writable(self) -> bool:
        """Whether it takes bytes at this moment."""
        transport = self._transport
        return transport is not None and not self._full and not transport.is_closing()

    def write(self, data: Buffer) -> None:
        """Send bytes, now or as soon as the socket takes them."""
        if self._transport is not None:
            self._transport.write(data)

    def set_reading(self, reading: bool) -> None:
        """Cease or begin again to read."""
        if self._transport is None or self._transport.is_closing():
            return
        if reading:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def close(self) -> None:
        """Send what was written, in bounded time, and close."""
        self._closed = True
        self._connecting.cancel()
        if self._transport is not None:
            self._transport.close()
            loop = asyncio.get_running_loop()
            self._farewell = loop.call_later(FAREWELL_PATIENCE, self._transport.abort)

    def abort(self) -> None:
        """Close at once."""
        self._closed = True
        self._connecting.cancel()
        if self._transport is not None:
            self._transport.abort()

    async def wait_closed(self) -> None:
        """Wait until nothing of it is left."""
        await asyncio.wait([self._connecting])
        if self._transport is not None:
            await self._lost.wait()

    async def _connect(self) -> None:
        node = self.link.node
        loop = asyncio.get_running_loop()
        self.link.waits_for = 'answer'
        try:
            await loop.create_connection(
                lambda: self,
                node.host,
                node.port,
                happy_eyeballs_delay=HEAD_START,
                **_tls_arguments(node),
            )
        except (OSError, ValueError) as error:
            loop.call_soon(self._user.on_failed, self, _failure_of(error, node))

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, unless it is not wanted any more."""
        self._transport = cast('asyncio.Transport', transport)
        if self._closed:
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=WRITE_AHEAD)
        self._user.on_connected(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Say where to put what comes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Pass on what has come."""
        self._user.on_received(self, bytes(self._buffer[:nbytes]))

    def pause_writing(self) -> None:
        """Have nothing more written for now."""
        self._full = True

    def resume_writing(self) -> None:
        """Have the rest written."""
        self._full = False
        self._user.on_writable(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that the connection is gone."""
        self._lost.set()
        if self._farewell is not None:
            self._farewell.cancel()
        error = exc or ConnectionDead('the broker has closed the connection')
        self._user.on_failed(self, _failure_of(error, self.link.node))


def _tls_arguments(node: NodeDefinition) -> dict[str, Any]:
    """Give the arguments of `create_connection` that say how TLS is spoken, if it is.

    :raises ValueError: a file cannot be used
    """
    if node.tls is None:
        return {}
    return {
        'ssl': make_context(node.tls),
        'server_hostname': server_name(node) or '',  # None would be the name of the host
        'ssl_shutdown_timeout': FAREWELL_PATIENCE,
    }


def _failure_of(error: Exception, node: NodeDefinition) -> Exception:
    """Give the error to report: it says what one of the event loop means."""
    if isinstance(error, ssl.SSLError):
        return no_tls() if error.reason in NO_TLS else failure_of(error, node)
    if isinstance(error, (gaierror, UnicodeError)):  # UnicodeError: what cannot be a host name
        return ConnectionDead(f'the name cannot be resolved: {error}')
    if isinstance(error, ValueError):  # of a file, or of a name that no certificate can have
        return ConnectionDead(f'no TLS: {error}')
    if isinstance(error, OSError) and error.errno:
        return OSError(error.errno, os.strerror(error.errno))
    return error
