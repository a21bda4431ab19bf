"""The transport to one node, by the event loop: it resolves, connects, encrypts and moves bytes.

Knows nothing of what the bytes mean. It calls the driver when it is connected, and when it is lost.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from socket import gaierror
from typing import Any, Final, Protocol, cast

from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.hot import Buffer
from coolamqp.net.tls import failure_of, hung_up, make_context, no_tls, server_name
from coolamqp.objects import NodeDefinition
from coolamqp.supervisor.link import Link

# How long an address is tried before the next one is tried too, in seconds (RFC 8305, section 5).
HEAD_START: Final = 0.25
# The most that is read at once, in bytes.
READ_SIZE: Final = 256 * 1024
# At this many bytes in the loop's own buffer, writing pauses.
WRITE_AHEAD: Final = 256 * 1024
# How long the loop may take to close a transport, in seconds.
CLOSE_TIMEOUT: Final = 1.0
# The reasons of OpenSSL if the first bytes of the peer are not TLS.
NO_TLS: Final = ('WRONG_VERSION_NUMBER', 'RECORD_LAYER_FAILURE')


class TransportOwner(Protocol):
    """The driver, as the event loop calls it."""

    def on_connected(self, transport: Transport) -> None:
        """The transport is connected."""

    def on_received(self, transport: Transport, data: bytes) -> None:
        """Bytes have come."""

    def on_writable(self, transport: Transport) -> None:
        """More may be written, after a pause."""

    def on_failed(self, transport: Transport, error: Exception) -> None:
        """The transport is lost, or cannot be had."""


class Transport(asyncio.BufferedProtocol):
    """The transport of a link; it begins to connect at once.

    It has a buffer of its own, since the loop would make a large one for each chunk.
    """

    def __init__(self, link: Link, owner: TransportOwner) -> None:
        self.link = link
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._closed = False  # by us
        self._full = False
        self._reading = True
        self._lost = asyncio.Event()
        self._buffer = memoryview(bytearray(READ_SIZE))
        self._abort_timer: asyncio.TimerHandle | None = None
        self._connecting = asyncio.create_task(self._connect(), name=f'connecting to {link.node}')

    @property
    def connected(self) -> bool:
        """Whether bytes may go over it."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def writable(self) -> bool:
        """Whether it takes bytes at this moment."""
        transport = self._transport
        return transport is not None and not self._full and not transport.is_closing()

    def write(self, pieces: list[Buffer]) -> int:
        """Send bytes, now or as soon as the socket takes them; return how many were taken."""
        count = 0
        for piece in pieces:
            if self._transport is None or not self.writable:
                break
            self._transport.write(piece)
            count += len(piece)
        return count

    def set_reading(self, reading: bool) -> None:
        """Pause or resume reading."""
        if self._transport is None or reading is self._reading or self._transport.is_closing():
            return
        self._reading = reading
        if reading:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def close(self) -> None:
        """Send everything that was written, in bounded time, and close."""
        self._closed = True
        self._connecting.cancel()
        if self._transport is not None:
            self._transport.close()
            loop = asyncio.get_running_loop()
            self._abort_timer = loop.call_later(CLOSE_TIMEOUT, self._transport.abort)

    def abort(self) -> None:
        """Close at once."""
        self._closed = True
        self._connecting.cancel()
        if self._transport is not None:
            self._transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the loop has closed it."""
        await asyncio.wait([self._connecting])
        if self._transport is not None:
            await self._lost.wait()

    async def _connect(self) -> None:
        node = self.link.node
        loop = asyncio.get_running_loop()
        self.link.waiting_for = 'answer'
        try:
            await loop.create_connection(
                lambda: self,
                node.host,
                node.port,
                happy_eyeballs_delay=HEAD_START,
                **_tls_arguments(node),
            )
        except (OSError, ValueError) as error:
            loop.call_soon(self._owner.on_failed, self, _failure_of(error, node))

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tell the driver that the transport is connected, unless it was closed meanwhile."""
        self._transport = cast('asyncio.Transport', transport)
        if self._closed:
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=WRITE_AHEAD)
        self._owner.on_connected(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the buffer to read into."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Pass the bytes on to the driver."""
        self._owner.on_received(self, bytes(self._buffer[:nbytes]))

    def pause_writing(self) -> None:
        """Stop writing: the buffer of the loop is full."""
        self._full = True

    def resume_writing(self) -> None:
        """Write on: the buffer of the loop has room."""
        self._full = False
        self._owner.on_writable(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the driver that the transport is lost."""
        self._lost.set()
        if self._abort_timer is not None:
            self._abort_timer.cancel()
        error = exc or ConnectionDead('the broker has closed the connection')
        self._owner.on_failed(self, _failure_of(error, self.link.node))


def _tls_arguments(node: NodeDefinition) -> dict[str, Any]:
    """Return the arguments of `create_connection` for TLS; none without TLS.

    :raises ValueError: a file cannot be used
    """
    if node.tls is None:
        return {}
    return {
        'ssl': make_context(node.tls),
        'server_hostname': server_name(node) or '',  # None would be the name of the host
        'ssl_shutdown_timeout': CLOSE_TIMEOUT,
    }


def _failure_of(error: Exception, node: NodeDefinition) -> Exception:
    """Return the error to report for one of the event loop, in plain words."""
    if isinstance(error, ssl.SSLError):
        return no_tls() if error.reason in NO_TLS else failure_of(error, node)
    if isinstance(error, (gaierror, UnicodeError)):  # UnicodeError: what cannot be a host name
        return ConnectionDead(f'the name cannot be resolved: {error}')
    if isinstance(error, ValueError):  # of a file, or of a name that no certificate can have
        return ConnectionDead(f'no TLS: {error}')
    if isinstance(error, OSError) and error.errno:
        return OSError(error.errno, os.strerror(error.errno))
    if not str(error):  # as asyncio raises it in a handshake that is cut
        return hung_up()
    return error
