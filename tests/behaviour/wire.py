"""A socket that speaks frames, for tests that need the protocol bare.

This module has the socket, its end, its time-outs and heartbeats. It must not know what a method
means: `client.py` has connections and channels.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from coolamqp.framing.collector import FrameCollector
from coolamqp.framing.definitions import (
    BasicDeliver,
    BasicGetOk,
    BasicReturn,
    ChannelClose,
    ConnectionClose,
)
from coolamqp.framing.field_table import plain_table
from coolamqp.framing.frames import (
    HEARTBEAT_FRAME,
    AMQPBodyFrame,
    AMQPFrame,
    AMQPHeaderFrame,
    AMQPHeartbeatFrame,
    AMQPMethodFrame,
    encode_method,
)
from coolamqp.framing.method import Method
from coolamqp.framing.properties import BasicContentPropertyList

TIMEOUT = 10.0  # seconds for whatever must come
CHUNK = 65536
POLL_INTERVAL = 0.01  # seconds; for what no event tells

MethodT = TypeVar('MethodT', bound=Method)
ContentT = TypeVar('ContentT', BasicDeliver, BasicGetOk, BasicReturn)


class BrokerSilent(AssertionError):
    """The broker sent nothing in time."""


class Disconnected(AssertionError):
    """The broker closed the socket."""


class Refused(AssertionError):
    """The broker closed a channel or the connection.

    :ivar channel: the number of the closed channel; 0 for the connection
    :ivar index: class and method that the broker blames
    """

    def __init__(self, channel: int, code: int, text: str, index: tuple[int, int]) -> None:
        what = f'channel {channel}' if channel else 'the connection'
        super().__init__(f'the broker closed {what}: {code} {text}')
        self.channel = channel
        self.code = code
        self.text = text
        self.index = index


@dataclass
class Message(Generic[ContentT]):
    """A method of the broker with a content."""

    method: ContentT
    properties: BasicContentPropertyList
    body: bytes

    @property
    def headers(self) -> dict[str, Any]:
        """The headers as plain values; empty if there are none."""
        return plain_table(self.properties.headers or [])

    @property
    def exchange(self) -> str:
        """The exchange to which the message was published."""
        return text(self.method.exchange)

    @property
    def routing_key(self) -> str:
        """The routing key of the message."""
        return text(self.method.routing_key)

    @property
    def tag(self) -> int:
        """The delivery tag."""
        assert not isinstance(self.method, BasicReturn)
        return self.method.delivery_tag

    @property
    def redelivered(self) -> bool:
        """Whether the broker says that it has delivered this message before."""
        assert not isinstance(self.method, BasicReturn)
        return self.method.redelivered


@dataclass
class Assembly:
    """A content of which frames are still missing."""

    method: Method
    header: AMQPHeaderFrame | None = None
    pieces: list[bytes] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return self.header is not None and sum(map(len, self.pieces)) >= self.header.body_size


class Wire:
    """A connection of TCP to a broker, in frames.

    :ivar heartbeats: the number of received heartbeats
    :ivar heartbeat: seconds between the heartbeats to send; 0 for none
    """

    def __init__(self, host: str, port: int) -> None:
        self.heartbeats = 0
        self.heartbeat = 0.0
        self._socket = socket.create_connection((host, port), TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._collector = FrameCollector()
        self._frames: deque[AMQPFrame] = deque()
        self._last_sent = time.monotonic()

    def close(self) -> None:
        """Close the socket without a word."""
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes. A broker that has gone is noticed at the next read."""
        self._last_sent = time.monotonic()
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def send_method(self, channel: int, method: Method) -> None:
        """Send a method frame."""
        self.send(encode_method(channel, method))

    def next_frame(self, timeout: float = TIMEOUT) -> AMQPFrame:
        """Return the next frame that is no heartbeat.

        :raises BrokerSilent: there was none in time
        :raises Disconnected: the broker has closed the socket
        """
        deadline = time.monotonic() + timeout
        while not self._frames:
            self._feed(self._receive(deadline))
        return self._frames.popleft()

    def await_heartbeat(self) -> None:
        """Wait for one more heartbeat, and send those of this side meanwhile."""
        before, deadline = self.heartbeats, time.monotonic() + TIMEOUT
        while self.heartbeats == before:
            self._feed(self._receive(deadline))

    def _feed(self, data: bytes) -> None:
        for frame in self._collector.feed(data):
            if isinstance(frame, AMQPHeartbeatFrame):
                self.heartbeats += 1
            else:
                self._frames.append(frame)

    def next_method(self, timeout: float = TIMEOUT) -> Method:
        """Return the next frame, which must be a method."""
        frame = self.next_frame(timeout)
        assert isinstance(frame, AMQPMethodFrame), frame
        return frame.payload

    def expect(self, kind: type[MethodT]) -> MethodT:
        """Return the next method, which must be of a kind."""
        method = self.next_method()
        assert isinstance(method, kind), method
        return method

    def receive_raw(self, count: int) -> bytes:
        """Return bytes that are no frames."""
        data = b''
        while len(data) < count:
            data += self._receive(time.monotonic() + TIMEOUT)
        return data

    def expect_end(self) -> None:
        """Check that the broker closes the socket, and sends no frame before."""
        try:
            frame = self.next_frame()
        except Disconnected:
            return
        raise AssertionError(f'the broker sent {frame} instead of closing the socket')

    def _receive(self, deadline: float) -> bytes:
        """Return the next bytes, and send heartbeats meanwhile."""
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise BrokerSilent('the broker sent nothing in time')
            self._socket.settimeout(min(left, self.heartbeat / 2 or left))
            try:
                data = self._socket.recv(CHUNK)
            except TimeoutError:
                self._beat()
                continue
            except ConnectionResetError:
                raise Disconnected('the broker reset the socket') from None
            finally:
                self._socket.settimeout(TIMEOUT)
            if not data:
                raise Disconnected('the broker closed the socket')
            self._beat()
            return data

    def _beat(self) -> None:
        if self.heartbeat and time.monotonic() - self._last_sent >= self.heartbeat / 2:
            self.send(HEARTBEAT_FRAME)


class Contents:
    """Puts the frames of one channel together to methods and messages."""

    def __init__(self) -> None:
        self._open: Assembly | None = None

    def add(self, frame: AMQPFrame) -> Method | Message[Any] | None:
        """Add a frame. Return the method or message that it completes."""
        if isinstance(frame, AMQPMethodFrame):
            assert self._open is None, f'{frame} inside of a content'
            if not isinstance(frame.payload, (BasicDeliver, BasicGetOk, BasicReturn)):
                return frame.payload
            self._open = Assembly(frame.payload)
            return None
        assembly = self._open
        assert assembly is not None, f'{frame} without a method'
        if isinstance(frame, AMQPHeaderFrame):
            assert assembly.header is None, f'a second header: {frame}'
            assembly.header = frame
        else:
            assert isinstance(frame, AMQPBodyFrame), frame
            assembly.pieces.append(frame.data)
        if not assembly.complete or assembly.header is None:
            return None
        self._open = None
        method: Any = assembly.method
        return Message(method, assembly.header.properties, b''.join(assembly.pieces))


def text(value: str | bytes) -> str:
    """Return a short string as str."""
    return value if isinstance(value, str) else value.decode()


def eventually(look: Callable[[], Any], what: str) -> Any:
    """Look until the result is true, for what no event tells; return it."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise BrokerSilent(f'not in time: {what}')
        time.sleep(POLL_INTERVAL)


def refusal(channel: int, method: ChannelClose | ConnectionClose) -> Refused:
    """Return a close of the broker as an exception."""
    index = (method.class_id, method.method_id)
    return Refused(channel, method.reply_code, text(method.reply_text), index)
