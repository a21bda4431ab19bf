"""The sockets that a driver watches, by one selector."""

from __future__ import annotations

import selectors
import socket
from typing import cast


class Watches:
    """Watches sockets. Only the driver touches it, on one thread at a time.

    :param selector: waits for the sockets; it is closed with the watches
    """

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._watched: set[socket.socket] = set()

    def watch(self, sock: socket.socket, events: int) -> None:
        """Watch a socket for events of `selectors`, in place of those before; 0 ends the watch."""
        if not events:
            if sock in self._watched:
                self._watched.remove(sock)
                self._selector.unregister(sock)
        elif sock in self._watched:
            self._selector.modify(sock, events)
        else:
            self._selector.register(sock, events)
            self._watched.add(sock)

    def wait(self, timeout: float) -> list[tuple[socket.socket, int]]:
        """Return the sockets that are ready, each with its events.

        :param timeout: the longest wait, in seconds; 0 to return at once
        """
        ready = self._selector.select(timeout)
        return [(cast('socket.socket', key.fileobj), events) for key, events in ready]

    def close(self) -> None:
        """Close the selector, but no socket."""
        self._selector.close()
