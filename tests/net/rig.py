"""A driver of one transport, with a manual clock: it watches sockets and lets the test step."""

from __future__ import annotations

import errno
import selectors
import socket
import threading
from typing import Any

from coolamqp.net.transport import Transport
from coolamqp.objects import NodeDefinition
from coolamqp.supervisor.addresses import Address, AddressChoice
from coolamqp.supervisor.link import Link

PATIENCE = 10.0  # seconds, for what must happen in the end
NOW = 1000.0
NAME = NodeDefinition('rabbit.example', 'guest', 'guest')


def resolved(*targets: Any) -> list[Address]:
    """Return what `getaddrinfo` says for addresses of IPv4."""
    return [(socket.AF_INET, socket.SOCK_STREAM, 0, '', target) for target in targets]


class TransportRig:
    """Drives a transport.

    :ivar watched: the sockets that it watches, with their events
    :ivar received: the bytes that have come
    :ivar most_watched: it can watch so many sockets
    """

    def __init__(self, node: NodeDefinition = NAME) -> None:
        self.now = NOW
        self.link = Link(node, AddressChoice(), NOW, 12.0, lambda: None)
        self.watched: dict[socket.socket, int] = {}
        self.received = b''
        self.most_watched = 100
        self._resolved = threading.Event()
        self.transport = Transport(self.link, self._watch, self._resolved.set)

    def _watch(self, sock: socket.socket, events: int) -> None:
        self.watched.pop(sock, None)
        if events and len(self.watched) >= self.most_watched:
            raise OSError(errno.ENOSPC, 'no space left')
        if events:
            self.watched[sock] = events

    def begin(self) -> None:
        """Connect to the first address, once the name is resolved."""
        assert self._resolved.wait(PATIENCE)
        self.transport.advance(self.now)

    def step(self) -> None:
        """Wait until a socket is ready, and go on with it."""
        with selectors.DefaultSelector() as selector:
            for sock, events in self.watched.items():
                selector.register(sock, events)
            ready = selector.select(PATIENCE)
        assert ready, 'nothing happens'
        for key, events in ready:
            assert isinstance(key.fileobj, socket.socket)
            self.received += self.transport.on_ready(key.fileobj, events, self.now) or b''

    def step_to_the_end(self) -> None:
        """Step until the transport raises the error that has ended it."""
        while True:
            self.step()

    def connect(self) -> None:
        """Step until it is connected."""
        while not self.transport.connected:
            self.step()
