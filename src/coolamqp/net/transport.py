"""The transport to one node: resolves its name, connects, speaks TLS, sends, receives.

It never blocks. The driver watches its sockets, by a selector or by an event loop, and calls it
when one of them is ready. Only the driver touches it, on one thread at a time; but a publisher that
holds the engine lock may send while the transport is `bare`.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Final

from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.hot import Buffer
from coolamqp.net.connector import Connector, Watch
from coolamqp.net.lookup import Lookup
from coolamqp.supervisor.link import Link

if TYPE_CHECKING:
    from coolamqp.net.tls_stream import TLSStream

# The size of one read, in bytes: it grows while reads fill it. A large read costs more, since the
# system provides a large block of memory each time, and gets it back.
LEAST_READ: Final = 16 * 1024
MOST_READ: Final = 256 * 1024


class Transport:
    """The transport of a link. It begins to connect in the first `advance`.

    :param watch: watches its sockets
    :param on_resolved: called on another thread when `advance` is due, since the name is resolved
    :ivar socket: the socket that is connected; None before
    :ivar connected: whether bytes may go over it, TLS included
    :ivar sent_at: the time at which bytes were sent last
    :ivar failure: the error of a failed write. Nothing is written after it. `receive` still returns
        the last bytes of the broker, which may say why, and then raises the error
    """

    def __init__(self, link: Link, watch: Watch, on_resolved: Callable[[], None]) -> None:
        self.link = link
        self.socket: socket.socket | None = None
        self.connected = False
        self.sent_at = -inf
        self.failure: Exception | None = None
        self._tls: TLSStream | None = None
        self._watch = watch
        self._watched = 0
        self._read_size = LEAST_READ
        self._connector = Connector(link, watch)
        link.waiting_for = 'address of its name'
        self._lookup = Lookup(link.node, on_resolved)

    # Connecting

    @property
    def wake_at(self) -> float:
        """The time by which `advance` must be called."""
        return inf if self.connected else self.link.addresses.due_at

    def advance(self, now: float) -> None:
        """Connect to the next address, if it is time.

        :raises OSError: no address can be reached
        :raises ConnectionDead: there is none, or the name cannot be resolved
        """
        addresses = self._lookup.take()
        if addresses is not None:
            self.link.addresses.begin(addresses, now)
        if now >= self.wake_at:
            self._connector.connect_next(now)
            self.link.waiting_for = f'answer from {self._connector.hosts}'

    def on_ready(self, sock: socket.socket, events: int, now: float) -> bytes | None:
        """Go on, since a socket is ready; return the received bytes, or None.

        :param events: the events of `selectors` that have happened
        :raises OSError: the connection is lost, or no address can be reached
        :raises ConnectionDead: the same; or TLS has failed
        """
        if self.connected:
            reads = events & selectors.EVENT_READ or self.failure is not None
            return self.receive() if sock is self.socket and reads else None
        self._go_on(sock, now)
        return None

    def _go_on(self, sock: socket.socket, now: float) -> None:
        if self.socket is None:
            self.socket = self._connector.finish(sock, now)
            if self.socket is None:
                self.link.waiting_for = f'answer from {self._connector.hosts}'
                return
        if self.link.node.tls is None:
            self.connected = True
        else:
            self._shake_hands()

    def _shake_hands(self) -> None:
        if self._tls is None:
            self.link.waiting_for = 'end of the TLS handshake'
            from coolamqp.net.tls_stream import TLSStream  # noqa: PLC0415 - few need ssl

            self._tls = TLSStream(self.link.node)
        received = self._receive_raw()
        if not received and self.failure is not None:
            raise self.failure
        try:
            self.connected = self._tls.shake_hands(received)
        finally:
            self.flush()  # also the alert that says why it has failed
        self.watch_for(reading=not self.connected, writing=False)

    @property
    def bare(self) -> bool:
        """Whether it is connected, and without TLS: sending needs only the socket."""
        return self.connected and self._tls is None

    def watch_for(self, *, reading: bool, writing: bool) -> None:
        """Set which events of the socket the driver watches for.

        :param reading: whether to wait for bytes
        :param writing: whether to wait until the socket takes bytes; with TLS, ciphertext counts
        """
        events = selectors.EVENT_READ if reading or self.failure is not None else 0
        if writing or not self.flushed or self.failure is not None:
            events |= selectors.EVENT_WRITE
        if events != self._watched and self.socket is not None:
            self._watched = events
            self._watch(self.socket, events)

    # Sending

    def send(self, pieces: list[Buffer]) -> int:
        """Send as much of the pieces as the socket, or TLS, takes; return how many bytes.

        It raises nothing; see `failure`.
        """
        if self.failure is not None or self.socket is None:
            return 0
        try:
            if self._tls is not None:
                return self._send_encrypted(self._tls, pieces)
            if len(pieces) == 1:
                return self.socket.send(pieces[0])
            return self.socket.sendmsg(pieces)
        except BlockingIOError:
            return 0
        except (OSError, ConnectionDead) as error:
            self.failure = error
            return 0

    def _send_encrypted(self, tls: TLSStream, pieces: list[Buffer]) -> int:
        """Encrypt and send pieces until the socket takes no more ciphertext."""
        count = 0
        for piece in pieces:
            self._flush(tls)
            encrypted = tls.encrypt(piece)
            count += encrypted
            if encrypted < len(piece):
                break
        self._flush(tls)
        return count

    @property
    def flushed(self) -> bool:
        """Whether the socket has taken all ciphertext."""
        return self._tls is None or not self._tls.unsent

    def flush(self) -> None:
        """Send the ciphertext that TLS has made. It raises nothing; see `failure`."""
        if self._tls is not None and self.failure is None:
            try:
                self._flush(self._tls)
            except OSError as error:
                self.failure = error

    def _flush(self, tls: TLSStream) -> None:
        if tls.unsent and self.socket is not None:
            with contextlib.suppress(BlockingIOError):
                tls.unsent = memoryview(tls.unsent)[self.socket.send(tls.unsent) :]

    # Receiving

    def receive(self) -> bytes | None:
        """Receive what there is; None if there is nothing yet.

        :raises OSError: the connection is lost
        :raises ConnectionDead: the same
        """
        data = self._receive_raw()
        if not data and self.failure is not None:
            raise self.failure
        if data is None:
            return None
        if self._tls is not None:
            return self._tls.decrypt(data) or None
        if not data:
            raise ConnectionDead('the broker has closed the connection')
        return data

    def _receive_raw(self) -> bytes | None:
        """Receive what there is; None if there is nothing yet, empty at the end."""
        try:
            data = None if self.socket is None else self.socket.recv(self._read_size)
        except BlockingIOError:
            return None
        if data is not None:
            self._adapt_read_size(len(data))
        return data

    def _adapt_read_size(self, read: int) -> None:
        if read == self._read_size:
            self._read_size = min(4 * read, MOST_READ)
        elif read < self._read_size // 8:
            self._read_size = max(self._read_size // 4, LEAST_READ)

    # Closing

    def close(self) -> None:
        """Close the socket, if there is one, and TLS before it."""
        if self._tls is not None and self.connected:
            self._tls.end()
            self.flush()
        self._connector.close()
        if self.socket is not None:
            self._watch(self.socket, 0)
        self._close_socket()

    def abandon(self) -> None:
        """Close the socket without a word, in a child process; the parent goes on using it."""
        self._connector.abandon()
        self._close_socket()

    def _close_socket(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None
