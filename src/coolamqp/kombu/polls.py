"""The sockets that the pull driver waits for, by a poll of its own for each wait.

So a signal handler may wait within a wait, and a child process shares nothing with its parent.
"""

from __future__ import annotations

import select
import selectors
import socket
from math import ceil, inf


class Polls:
    """Waits for sockets. Several waits may go on at once."""

    def __init__(self) -> None:
        self._watched: dict[socket.socket, int] = {}

    @property
    def watching(self) -> bool:
        """Whether it watches a socket."""
        return bool(self._watched)

    def watch(self, sock: socket.socket, events: int) -> None:
        """Watch a socket for events of `selectors`, in place of those before; 0 ends the watch."""
        if events:
            self._watched[sock] = events
        else:
            self._watched.pop(sock, None)

    def wait(self, timeout: float) -> list[tuple[socket.socket, int]]:
        """Return the sockets that are ready, each with its events.

        :param timeout: the longest wait, in seconds; inf to wait for ever
        """
        poll, socks = select.poll(), dict[int, socket.socket]()
        for sock, events in list(self._watched.items()):
            number = sock.fileno()
            if number >= 0:
                reading = select.POLLIN if events & selectors.EVENT_READ else 0
                writing = select.POLLOUT if events & selectors.EVENT_WRITE else 0
                poll.register(number, reading | writing)
                socks[number] = sock
        ready = poll.poll(None if timeout == inf else ceil(max(timeout, 0) * 1000))
        return [(socks[number], _events(flags)) for number, flags in ready]


def _events(flags: int) -> int:
    """Return the events of `selectors`: an error makes a socket ready for both."""
    reading = selectors.EVENT_READ if flags & ~select.POLLOUT else 0
    writing = selectors.EVENT_WRITE if flags & ~select.POLLIN else 0
    return reading | writing
