"""A connection of the event loop to one node: the loop resolves, connects, sends and receives.

Knows nothing of what the bytes mean. Whoever uses it is told once it is there, and once it is gone.
"""

from __future__ import annotations

import asyncio
import os
from socket import gaierror
from typing import Final, Protocol, cast

from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.hot import Buffer
from coolamqp.supervisor.attempt import Attempt

# How long an address is tried alone before the next one is, too, in seconds (RFC 8305, section 5).
HEAD_START: Final = 0.25
# So many bytes may be in the loop's own buffer before we cease to write.
WRITE_AHEAD: Final = 256 * 1024
# How long the last bytes of a transport that is closed may take to go out, in seconds.
FAREWELL_PATIENCE: Final = 1.0


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


class Transport(asyncio.Protocol):
    """The transport that an attempt of the engine wishes for; begins to connect at once."""

    def __init__(self, attempt: Attempt, user: User) -> None:
        self.attempt = attempt
        self._user = user
        self._transport: asyncio.Transport | None = None
        self._closed = False  # whether we want it no more
        self._full = False
        self._lost = asyncio.Event()
        self._farewell: asyncio.TimerHandle | None = None
        self._connecting = asyncio.create_task(
            self._connect(), name=f'connecting to {attempt.node}'
        )

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
        node = self.attempt.node
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(
                lambda: self, node.host, node.port, happy_eyeballs_delay=HEAD_START
            )
        except (gaierror, UnicodeError) as error:  # UnicodeError: what cannot be a host name
            failure = ConnectionDead(f'the name cannot be resolved: {error}')
            loop.call_soon(self._user.on_failed, self, failure)
        except OSError as error:
            number = error.errno
            # The loop's own words do not say what the number means.
            failure_of_os = OSError(number, os.strerror(number)) if number else error
            loop.call_soon(self._user.on_failed, self, failure_of_os)

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, unless it is not wanted any more."""
        self._transport = cast('asyncio.Transport', transport)
        if self._closed:
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=WRITE_AHEAD)
        self._user.on_connected(self)

    def data_received(self, data: bytes) -> None:
        """Pass on what has come."""
        self._user.on_received(self, data)

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
        self._user.on_failed(self, error)
