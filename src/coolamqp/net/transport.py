"""The transport to one node: resolves its name, connects, speaks TLS, sends, receives.

It never blocks. A thread of its own looks a name up, and a selector waits for everything else. Only
the thread that leads touches it; but a publisher that holds the engine's lock may send while the
transport is `bare`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import threading
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.hot import Buffer
from coolamqp.supervisor.link import Link

if TYPE_CHECKING:
    from coolamqp.net.tls_stream import TLSStream

Address: TypeAlias = tuple[Any, ...]

# The size of one read, in bytes: it grows while reads fill it. A large read costs more, since the
# system provides a large block of memory each time, and gets it back.
LEAST_READ: Final = 16 * 1024
MOST_READ: Final = 256 * 1024
_SOCKET_ERROR: Final = (socket.SOL_SOCKET, socket.SO_ERROR)
_IN_PROGRESS: Final = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)


class Transport:
    """The transport of a link.

    :param on_resolved: called on another thread when the name is resolved
    :ivar socket: the socket, once connecting has begun
    :ivar connected: whether bytes may go over it, TLS included
    :ivar wake_at: the time at which the next address is tried
    :ivar watched: the events for which the driver's selector watches the socket
    """

    def __init__(self, link: Link, on_resolved: Callable[[], None]) -> None:
        self.link = link
        self.socket: socket.socket | None = None
        self.connected = False
        self.wake_at = inf
        self.watched = 0
        self._tls: TLSStream | None = None
        self._on_resolved = on_resolved
        self._addresses: list[Address] = []
        self._resolved: list[Address] | OSError | None = None
        self._read_size = LEAST_READ
        self._last_error: OSError | None = None
        self._resolve()

    # Resolving

    def _resolve(self) -> None:
        node = self.link.node
        self.link.waiting_for = 'address of its name'
        try:
            found = socket.getaddrinfo(
                node.host, node.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )
        except (OSError, ValueError):
            threading.Thread(
                target=self._look_up, name=f'resolver of {node.host}', daemon=True
            ).start()
        else:
            self._resolved = list(found)

    def _look_up(self) -> None:
        node = self.link.node
        try:
            self._resolved = list(socket.getaddrinfo(node.host, node.port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:  # ValueError: what cannot be a host name
            self._resolved = OSError(str(error))
        self._on_resolved()

    # Connecting

    def is_due(self, now: float) -> bool:
        """Whether `advance` has something to do."""
        return self._resolved is not None or now >= self.wake_at

    def advance(self, now: float) -> None:
        """Connect to the next address: the first one, or when the time of another is over.

        The socket becomes another one, so it must not be watched meanwhile.

        :raises OSError: no address can be reached
        :raises ConnectionDead: the same
        """
        if isinstance(self._resolved, OSError):
            raise ConnectionDead(f'the name cannot be resolved: {self._resolved}')
        if self._resolved is not None:
            self._addresses, self._resolved = self._resolved, None
        self._connect_next(now)

    def _connect_next(self, now: float) -> None:
        self._drop_socket()
        self.wake_at = inf
        while self._addresses:
            family, kind, protocol, _, address = self._addresses.pop(0)
            try:
                sock = socket.socket(family, kind, protocol)
            except OSError as error:  # an address family that this machine does not have
                self._last_error = error
                continue
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            code = sock.connect_ex(address)
            if code in _IN_PROGRESS:
                self._wait_for(sock, address, now)
                return
            sock.close()
            self._last_error = OSError(code, os.strerror(code))
        raise self._last_error or ConnectionDead('the name has no address')

    def _wait_for(self, sock: socket.socket, address: Address, now: float) -> None:
        """Set how long an address may take: its share of the rest; the last one has all of it."""
        self.socket = sock
        self.link.waiting_for = f'answer from {address[0]}'
        if self._addresses:
            self.wake_at = now + (self.link.deadline - now) / (len(self._addresses) + 1)

    def finish_connecting(self, now: float) -> None:
        """Go on when the socket is ready; if connecting failed, with the next address.

        The socket may become another one, so it must not be watched meanwhile.

        :raises OSError: no address can be reached
        :raises ConnectionDead: there is no TLS with it
        """
        if self._tls is None and not self._has_reached_node(now):
            return
        if self.link.node.tls is None:
            self.connected = True
            return
        if self._tls is None:
            self.link.waiting_for = 'end of the TLS handshake'
            from coolamqp.net.tls_stream import TLSStream  # noqa: PLC0415 - few need ssl

            self._tls = TLSStream(self.link.node)
        self._shake_hands(self._tls)

    def _has_reached_node(self, now: float) -> bool:
        """Whether the socket is connected; if not, connect to the next address."""
        code = 0 if self.socket is None else self.socket.getsockopt(*_SOCKET_ERROR)
        if code:
            self._last_error = OSError(code, os.strerror(code))
            self._connect_next(now)
            return False
        self.wake_at = inf
        return True

    def _shake_hands(self, tls: TLSStream) -> None:
        try:
            self.connected = tls.shake_hands(self._receive_raw())
        except ConnectionDead:
            self._flush_alert()  # the alert that says why
            raise
        self.flush()

    @property
    def bare(self) -> bool:
        """Whether it is connected, and without TLS: sending needs only the socket."""
        return self.connected and self._tls is None

    @property
    def interest(self) -> int:
        """The events to watch the socket for, in addition to sending and reading."""
        if self.socket is None:
            return 0
        if self._tls is not None:
            handshake = 0 if self.connected else selectors.EVENT_READ
            return handshake | (selectors.EVENT_WRITE if self._tls.unsent else 0)
        return 0 if self.connected else selectors.EVENT_WRITE

    # Sending and receiving

    def send(self, pieces: list[Buffer]) -> int:
        """Send as much of the pieces as the socket, or TLS, takes; return how many bytes.

        :raises OSError: the connection is lost
        :raises ConnectionDead: the same
        """
        if self._tls is not None:
            return self._send_encrypted(self._tls, pieces)
        if self.socket is None:
            return 0
        try:
            if len(pieces) == 1:
                return self.socket.send(pieces[0])
            return self.socket.sendmsg(pieces)
        except BlockingIOError:
            return 0

    def _send_encrypted(self, tls: TLSStream, pieces: list[Buffer]) -> int:
        """Encrypt and send pieces until the socket takes no more ciphertext."""
        count = 0
        for piece in pieces:
            self.flush()
            encrypted = tls.encrypt(piece)
            count += encrypted
            if encrypted < len(piece):
                break
        self.flush()
        return count

    @property
    def flushed(self) -> bool:
        """Whether the socket has taken all ciphertext."""
        return self._tls is None or not self._tls.unsent

    def flush(self) -> None:
        """Send the ciphertext that TLS has made.

        :raises OSError: the connection is lost
        :raises ConnectionDead: the same
        """
        tls = self._tls
        if tls is None or not tls.unsent:
            return
        try:
            tls.unsent = memoryview(tls.unsent)[self._send_raw(tls.unsent) :]
        except OSError:
            self._look_for_alert(tls)
            raise

    def _look_for_alert(self, tls: TLSStream) -> None:
        """Raise the alert that the broker sent before it hung up, if it sent one.

        With TLS 1.3 a broker refuses our certificate after the handshake has ended for us.
        """
        said = self._receive_raw()
        if said and self.connected:
            tls.decrypt(said)

    def _send_raw(self, data: Buffer) -> int:
        try:
            return 0 if self.socket is None else self.socket.send(data)
        except BlockingIOError:
            return 0

    def receive(self) -> bytes | None:
        """Receive what there is; None if there is nothing yet.

        :raises OSError: the connection is lost
        :raises ConnectionDead: the same
        """
        data = self._receive_raw()
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
            self._flush_alert()
        self._drop_socket()

    def _flush_alert(self) -> None:
        # If it fails, the connection ends all the same. The caller has the reason.
        with contextlib.suppress(OSError, ConnectionDead):
            self.flush()

    def abandon(self) -> None:
        """Close the socket without a word, in a child process; the parent goes on using it."""
        self._drop_socket()

    def _drop_socket(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None
