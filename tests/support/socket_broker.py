"""A scripted broker behind a real socket, on loopback."""

from __future__ import annotations

import socket
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

PATIENCE = 20.0  # seconds, for bytes that must come
# How often only a little is read after the close.
SLOW_READS = 100
# So little that nearly all of a large message waits in the client.
RECEIVE_BUFFER = 64 * 1024


class SocketWire:
    """The client's end of a connection, as it is seen through a socket.

    :ivar chunk: the most that is read at once, in bytes
    :ivar ended: whether the client has closed the connection
    """

    def __init__(self, client: socket.socket) -> None:
        self.chunk = 4096
        self.ended = False
        self._socket = client
        self._heard = False

    def data_to_send(self) -> list[Buffer]:
        """Return what comes next; nothing every other time, so that `hear` comes to an end."""
        self._heard = not self._heard
        if not self._heard:
            return []
        data = self._socket.recv(self.chunk)
        self.ended = not data
        return [data]

    def sent(self, count: int, now: float) -> None:
        """Nothing is to be told."""

    def receive(self, data: bytes, now: float) -> None:
        self._socket.sendall(data)


class SocketBroker:
    """Listens on loopback, for one connection.

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

    def close_amid_a_message(self) -> tuple[int, Method]:
        """Take a connection, and close it when a message begins to come.

        Reads slowly at first, and then all.

        :returns: how many bytes of bodies came in all, and the last method
        """
        client, _ = self._listener.accept()
        with client:
            client.settimeout(PATIENCE)
            wire = SocketWire(client)
            broker = ScriptedBroker(wire, Clock())
            broker.shake_hands(ConnectionTune(0, 131072, 0))
            frames: list[AMQPFrame] = []
            while not broker.said(BasicPublish):
                for frame in broker.hear():
                    broker.serve_frame(frame)
                    frames.append(frame)
            broker.send(0, ConnectionClose(320, 'CONNECTION_FORCED', 0, 0))
            for _ in range(SLOW_READS):
                frames += broker.hear()
            wire.chunk = 1024 * 1024
            while not wire.ended:
                frames += broker.hear()
        size = sum(len(frame.data) for frame in frames if isinstance(frame, AMQPBodyFrame))
        return size, [each.payload for each in frames if isinstance(each, AMQPMethodFrame)][-1]


def methods_sent(tracer: HoldingFrameTracer) -> list[Method]:
    """Return the methods that a client has sent, as its tracer saw them."""
    return [
        frame.payload
        for direction, _, frame in tracer.frames
        if direction == 'to_server' and isinstance(frame, AMQPMethodFrame)
    ]
