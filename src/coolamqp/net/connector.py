"""The connector: it connects to the addresses of a node, until one of them answers.

It makes the sockets; `coolamqp.supervisor.addresses` chooses the addresses and the times.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from coolamqp.exceptions import ConnectionDead
from coolamqp.supervisor.addresses import Address
from coolamqp.supervisor.link import Link

# Watches a socket for events of `selectors`, in place of those before; 0 ends the watch.
Watch: TypeAlias = Callable[[socket.socket, int], None]

_SOCKET_ERROR: Final = (socket.SOL_SOCKET, socket.SO_ERROR)
_IN_PROGRESS: Final = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)


class Connector:
    """Connects to a node. The first address that answers wins.

    :param watch: watches the sockets
    """

    def __init__(self, link: Link, watch: Watch) -> None:
        self._link = link
        self._watch = watch
        self._connecting: dict[socket.socket, Address] = {}
        self._last_error: Exception = ConnectionDead('the name has no address')

    @property
    def hosts(self) -> str:
        """The addresses that have not answered yet."""
        return ', '.join(str(address[4][0]) for address in self._connecting.values())

    def connect_next(self, now: float) -> None:
        """Start to connect to the next address, while the others go on.

        :raises OSError: no address can be reached
        :raises ConnectionDead: there is none
        """
        while (address := self._link.addresses.take(now)) is not None:
            try:
                self._connect(address)
            except OSError as error:
                self._last_error = error
            else:
                return
        if not self._connecting:
            raise self._last_error

    def _connect(self, address: Address) -> None:
        family, kind, protocol, _, target = address
        sock = socket.socket(family, kind, protocol)
        try:
            self._begin(sock, target)
        except BaseException:
            sock.close()
            raise
        self._connecting[sock] = address

    def _begin(self, sock: socket.socket, target: Any) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex(target)
        if code not in _IN_PROGRESS:
            raise OSError(code, os.strerror(code))
        self._watch(sock, selectors.EVENT_WRITE)

    def finish(self, sock: socket.socket, now: float) -> socket.socket | None:
        """Return a socket that is ready, if it is connected. Close the others then.

        :raises OSError: no address can be reached
        """
        address = self._connecting.pop(sock, None)
        if address is None:
            return None
        self._watch(sock, 0)
        code = sock.getsockopt(*_SOCKET_ERROR)
        if code:
            sock.close()
            self._last_error = OSError(code, os.strerror(code))
            self.connect_next(now)
            return None
        self._link.reached(address, now)
        self.close()
        return sock

    def close(self) -> None:
        """Close the sockets that are not connected yet."""
        for sock in self._connecting:
            self._watch(sock, 0)
        self.abandon()

    def abandon(self) -> None:
        """Close them in a child process, which must not touch the watches of its parent."""
        for sock in self._connecting:
            sock.close()
        self._connecting.clear()
