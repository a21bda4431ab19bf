"""The pull driver: it drives one connection in the threads that call it.

It reads and writes only while a call of the program runs. It has no thread, except one that sends
heartbeats while the program makes no call, see `heartbeat_thread`.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from time import monotonic

from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.field_table import Arguments
from coolamqp.framing.frames import HEARTBEAT_FRAME
from coolamqp.kombu.polls import Polls
from coolamqp.net.transport import Transport
from coolamqp.net.transports import send
from coolamqp.objects import NodeDefinition
from coolamqp.supervisor.addresses import AddressChoice
from coolamqp.supervisor.link import Link
from coolamqp.uplink.connection import HANDSHAKE_TIMEOUT, Connection, ConnectionObserver
from coolamqp.uplink.states import ConnectionState


class PullDriver:
    """The driver of one connection to one node.

    :param properties: client properties
    :param observer: observes the connection
    :ivar lock: to hold while the connection or its channels are touched. A thread that waits for
        the socket does not hold it
    """

    def __init__(
        self, node: NodeDefinition, properties: Arguments, observer: ConnectionObserver
    ) -> None:
        timeout = node.connection_timeout or HANDSHAKE_TIMEOUT
        self.lock = threading.RLock()
        self._link = Link(node, AddressChoice(), monotonic(), timeout, _nothing)
        self._resolved = threading.Event()
        self._watches = Polls()
        self._transport = Transport(self._link, self._watches.watch, self._resolved.set)
        self._properties = properties
        self._observer = observer

    # Connecting

    def connect(self) -> Connection:
        """Connect to the node, and return the connection, whose handshake has begun.

        :raises OSError: no address can be reached
        :raises ConnectionDead: the same, or it takes too long, or TLS fails
        """
        link, transport = self._link, self._transport
        while not transport.connected:
            now = monotonic()
            if now >= link.deadline:
                raise link.too_late()
            transport.advance(now)
            seconds = min(link.deadline, transport.wake_at) - now
            if self._watches.watching:
                for sock, events in self._watches.wait(seconds):
                    transport.on_ready(sock, events, monotonic())
            else:
                self._resolved.wait(seconds)
        now = monotonic()
        self.connection = link.connection = Connection(
            link.node, self._properties, self._observer, None, now, link.deadline - now
        )
        return self.connection

    # In use

    @property
    def socket_number(self) -> int:
        """The file descriptor of the socket; -1 if it is closed."""
        sock = self._transport.socket
        return -1 if sock is None else sock.fileno()

    def send(self) -> bool:
        """Send what the socket takes. Return whether there is more."""
        with self.lock:
            if not self._link.unsent and self._transport.flushed:
                return False
            return send(self._transport, monotonic())

    def receive(self) -> None:
        """Process the bytes that are there, and let time pass."""
        with self.lock:
            try:
                data = self._transport.receive()
            except (OSError, ConnectionDead) as error:
                self.connection.lost(error)
                return
            now = monotonic()
            if data is not None:
                self.connection.receive(data, now)
            self.connection.tick(now)
            self.send()  # an answer to the broker, such as close-ok

    def wait(self, deadline: float) -> None:
        """Send, wait until the socket is ready or a deadline has come, and receive."""
        self._wait(deadline, writing=self.send())

    def wait_to_send(self, deadline: float) -> bool:
        """Wait until the socket takes bytes, and send more. Return whether there is still more."""
        self._wait(deadline, writing=True)
        return self.send()

    def _wait(self, deadline: float, *, writing: bool) -> None:
        with self.lock:
            if self.connection.state is ConnectionState.CLOSED:
                return
            self._transport.watch_for(reading=True, writing=writing)
            wake_at = min(deadline, self.connection.wake_at())
        self._watches.wait(wake_at - monotonic())
        self.receive()

    def keep_alive(self, interval: float) -> None:
        """Send a heartbeat, if nothing was sent for half an interval.

        While another thread holds the lock, do nothing: that thread is in a call, which sends
        heartbeats. If it is ending the connection, it waits for this thread.
        """
        if not self.lock.acquire(blocking=False):
            return
        try:
            idle = monotonic() - self._transport.sent_at
            if idle >= interval / 2 and self.connection.state is ConnectionState.OPEN:
                self.connection.out.append(HEARTBEAT_FRAME)
                self.send()
        finally:
            self.lock.release()

    # Ending

    def close(self) -> None:
        """Close the socket, and TLS before it."""
        with self.lock:
            sock = self._transport.socket
            if sock is not None:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RD)  # wakes another thread that waits
            self._transport.close()

    def abandon(self) -> None:
        """Close the socket, and send nothing. A child process does so; its parent goes on."""
        self._transport.abandon()


def _nothing() -> None:
    """Do nothing: the calls of the program have filled the send buffer."""
