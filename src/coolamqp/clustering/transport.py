"""A TCP connection to one node: resolving its name, connecting, sending, receiving.

Never blocks: a name is looked up on a thread of its own, everything else is left to the selector.
"""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.hot import Buffer
from coolamqp.supervisor.attempt import Attempt

Address: TypeAlias = tuple[Any, ...]

RECEIVE_SIZE: Final = 128 * 1024
_IN_PROGRESS: Final = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)


class Transport:
    """The transport that an attempt of the engine wishes for.

    :param on_resolved: called on another thread when the name has been looked up
    :ivar socket: set once connecting has begun
    :ivar connected: whether bytes may go over it
    """

    def __init__(self, attempt: Attempt, on_resolved: Callable[[], None]) -> None:
        self.attempt = attempt
        self.socket: socket.socket | None = None
        self.connected = False
        self._on_resolved = on_resolved
        self._addresses: list[Address] = []
        self._resolved: list[Address] | OSError | None = None
        self._last_error: OSError | None = None
        self._resolve()

    def _resolve(self) -> None:
        node = self.attempt.node
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
        node = self.attempt.node
        try:
            self._resolved = list(socket.getaddrinfo(node.host, node.port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:  # ValueError: what cannot be a host name
            self._resolved = OSError(str(error))
        self._on_resolved()

    def advance(self) -> bool:
        """Go on with connecting, as far as that goes without waiting.

        :returns: whether there is a new socket to be watched for being writable
        :raises OSError: there is no way to the node
        """
        if self.socket is not None or self._resolved is None:
            return False
        if isinstance(self._resolved, OSError):
            raise ConnectionDead(f'the name cannot be resolved: {self._resolved}')
        self._addresses, self._resolved = self._resolved, []
        self._connect_next()
        return True

    def _connect_next(self) -> None:
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
                self.socket = sock
                return
            sock.close()
            self._last_error = OSError(code, os.strerror(code))
        raise self._last_error or ConnectionDead('the name has no address')

    def finish_connecting(self) -> None:
        """Learn how connecting went, now that the socket is writable; perhaps try the next address.

        :raises OSError: there is no way to the node
        """
        sock = self.socket
        if sock is None:
            return
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code == 0:
            self.connected = True
            return
        self.close()
        self._last_error = OSError(code, os.strerror(code))
        self._connect_next()

    def send(self, data: Buffer) -> int:
        """Send as much as the socket takes; give how much that was.

        :raises OSError: the connection is lost
        """
        try:
            return 0 if self.socket is None else self.socket.send(data)
        except BlockingIOError:
            return 0

    def receive(self) -> bytes | None:
        """Receive what there is; None if there is nothing yet.

        :raises OSError: the connection is lost
        """
        try:
            data = b'' if self.socket is None else self.socket.recv(RECEIVE_SIZE)
        except BlockingIOError:
            return None
        if not data:
            raise ConnectionDead('the broker has closed the connection')
        return data

    def close(self) -> None:
        """Close the socket, if there is one."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None
