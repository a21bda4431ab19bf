"""A scripted broker behind a real socket, on loopback."""

from __future__ import annotations

import socket
import struct
from types import TracebackType
from typing import Self

from coolamqp.framing.definitions import (
    BasicPublish,
    ConnectionClose,
    ConnectionTune,
)
from coolamqp.framing.frames import AMQPBodyFrame, AMQPFrame, AMQPMethodFrame
from coolamqp.framing.hot import Buffer
from coolamqp.framing.method import Method
from coolamqp.objects import NodeDefinition
from coolamqp.tracing import HoldingFrameTracer
from tests.support.scripted_broker import Clock, ScriptedBroker

PATIENCE = 20.0  # seconds for each operation of the socket
# The number of small reads after the close.
SLOW_READS = 100
# In bytes; so small that nearly all of a large message waits in the client.
RECEIVE_BUFFER = 64 * 1024
# A socket with this option sends a reset when it is closed.
NO_LINGERING = struct.pack('ii', 1, 0)


class SocketWire:
    """The end of the client, behind a socket.

    :ivar chunk: the largest size of one read, in bytes
    :ivar ended: whether the client has closed the connection
    """

    def __init__(self, client: socket.socket) -> None:
        self.chunk = 4096
        self.ended = False
        self._socket = client
        self._heard = False

    def data_to_send(self) -> list[Buffer]:
        """Return received bytes; an empty list every other time, which ends `hear`."""
        self._heard = not self._heard
        if not self._heard:
            return []
        data = self._socket.recv(self.chunk)
        self.ended = not data
        return [data]

    def sent(self, count: int, now: float) -> None:
        """Do nothing."""

    def receive(self, data: bytes, now: float) -> None:
        self._socket.sendall(data)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class SocketBroker:
    """A broker on loopback.

    :ivar node: the node to connect to
    """

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._listener.bind(('127.0.0.1', 0))
        self._listener.listen(1)
        self._listener.settimeout(PATIENCE)
        host, port = self._listener.getsockname()
        self.node = NodeDefinition(host, 'guest', 'guest', port=port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.close()

    def accept(self) -> socket.socket:
        """Accept a connection, and return its socket."""
        client, _ = self._listener.accept()
        client.settimeout(PATIENCE)
        return client

    def hear_publish(self) -> socket.socket:
        """Accept a connection, and return its socket once a message has come."""
        client = self.accept()
        hear_publish(ScriptedBroker(SocketWire(client), Clock()))
        return client

    def close_amid_a_message(self) -> tuple[int, Method]:
        """Accept a connection, and close it at the start of a message.

        After the close, it reads slowly at first, and then everything.

        :returns: the number of received bytes of bodies, and the last method
        """
        with self.accept() as client:
            wire = SocketWire(client)
            broker = ScriptedBroker(wire, Clock())
            frames = hear_publish(broker)
            broker.send(0, ConnectionClose(320, 'CONNECTION_FORCED', 0, 0))
            for _ in range(SLOW_READS):
                frames += broker.hear()
            wire.chunk = 1024 * 1024
            while not wire.ended:
                frames += broker.hear()
        size = sum(len(frame.data) for frame in frames if isinstance(frame, AMQPBodyFrame))
        return size, [each.payload for each in frames if isinstance(each, AMQPMethodFrame)][-1]


def hear_publish(broker: ScriptedBroker) -> list[AMQPFrame]:
    """Open a connection, and return its frames up to the first message."""
    broker.shake_hands(ConnectionTune(0, 131072, 0))
    frames: list[AMQPFrame] = []
    while not broker.said(BasicPublish):
        for frame in broker.hear():
            broker.serve_frame(frame)
            frames.append(frame)
    return frames


def say_and_reset(client: socket.socket, last_words: bytes) -> None:
    """Send some bytes, and reset the connection at once."""
    with client:
        client.sendall(last_words)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGERING)


def methods_sent(tracer: HoldingFrameTracer) -> list[Method]:
    """Return the methods that a client has sent, from its frame tracer."""
    return [
        frame.payload
        for direction, _, frame in tracer.frames
        if direction == 'to_server' and isinstance(frame, AMQPMethodFrame)
    ]
