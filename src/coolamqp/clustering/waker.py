"""The waker: ends the wait of a driver from another thread."""

from __future__ import annotations

import contextlib
import selectors
import socket

from coolamqp.net.watches import Watches


class Waker:
    """A pair of sockets: one is watched by the driver, the other is written to."""

    def __init__(self, watches: Watches) -> None:
        self.receiver, self._sender = socket.socketpair()
        self.receiver.setblocking(False)
        self._sender.setblocking(False)
        watches.watch(self.receiver, selectors.EVENT_READ)

    def wake(self) -> None:
        """End the sleep; from any thread, even where a lock is held."""
        # The driver may have ended, or may have been woken many times already.
        with contextlib.suppress(OSError):
            self._sender.send(b'\0')

    def clear(self) -> None:
        """Be ready for the next call of `wake`."""
        self.receiver.recv(4096)

    def close(self) -> None:
        """Close both sockets."""
        self.receiver.close()
        self._sender.close()
