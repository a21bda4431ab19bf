"""The part of AMQP 0-9-1 that the measurements need, without a client.

The runner uses it, too, because it needs only the standard library.
"""

from __future__ import annotations

import socket
import struct
from typing import Any, Final, Self
from urllib.parse import urlsplit

METHOD, HEADER, BODY = 1, 2, 3
FRAME_END: Final = b'\xce'
TIMEOUT: Final = 120.0
CHANNEL_MAX: Final = 2047
FRAME_MAX: Final = 131072
OVERHEAD: Final = 8  # of a frame: type, channel, size and end
# The only property of messages here is their headers.
_HAS_HEADERS: Final = 1 << 13

Method = tuple[int, int]
START_OK: Final = (10, 11)
TUNE: Final = (10, 30)
TUNE_OK: Final = (10, 31)
OPEN: Final = (10, 40)
CLOSE: Final = (10, 50)
CLOSE_OK: Final = struct.pack('>HH', 10, 51)
CHANNEL_OPEN: Final = (20, 10)
QUEUE_DECLARE: Final = (50, 10)
QUEUE_PURGE: Final = (50, 30)
QUEUE_DELETE: Final = (50, 40)
CONFIRM_SELECT: Final = (85, 10)
QOS: Final = (60, 10)
CONSUME: Final = (60, 20)
PUBLISH: Final = (60, 40)
DELIVER: Final = (60, 60)
ACK: Final = (60, 80)


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    """Return a frame."""
    return struct.pack('>BHL', kind, channel, len(payload)) + payload + FRAME_END


def method(which: Method, arguments: bytes = b'', channel: int = 1) -> bytes:
    """Return the frame of a method."""
    return frame(METHOD, channel, struct.pack('>HH', *which) + arguments)


def short(text: str) -> bytes:
    """Return a short string."""
    return bytes([len(text)]) + text.encode()


def long(data: bytes) -> bytes:
    """Return a long string or a table, with its length."""
    return struct.pack('>L', len(data)) + data


def table(values: dict[str, Any]) -> bytes:
    """Return a field table of strings and numbers."""
    return long(b''.join(short(name) + _field(value) for name, value in values.items()))


def _field(value: str | int) -> bytes:
    if isinstance(value, str):
        return b'S' + long(value.encode())
    return b'l' + struct.pack('>q', value)


def properties(headers: dict[str, Any]) -> bytes:
    """Return the property flags, and the headers if there are any."""
    if not headers:
        return bytes(2)
    return struct.pack('>H', _HAS_HEADERS) + table(headers)


def content(body: bytes, headers: dict[str, Any]) -> bytes:
    """Return the header frame and the body frames of a message."""
    header = struct.pack('>HHQ', 60, 0, len(body)) + properties(headers)
    step = FRAME_MAX - OVERHEAD
    pieces = [body[begin : begin + step] for begin in range(0, len(body), step)]
    return frame(HEADER, 1, header) + b''.join(frame(BODY, 1, piece) for piece in pieces)


def publish(queue: str, body: bytes, headers: dict[str, Any]) -> bytes:
    """Return all frames of a message to a queue."""
    return method(PUBLISH, bytes(2) + short('') + short(queue) + bytes(1)) + content(body, headers)


def ack(tag: int, multiple: bool) -> bytes:
    """Return the frame of an acknowledgement."""
    return method(ACK, struct.pack('>QB', tag, multiple))


class Connection:
    """A blocking connection with channel 1 and without heartbeats."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = bytearray()
        self._log_in(f'\0{parts.username}\0{parts.password}'.encode())

    def _log_in(self, response: bytes) -> None:
        self.socket.sendall(b'AMQP\0\0\x09\x01')
        self.read_method()
        start_ok = table({}) + short('PLAIN') + long(response) + short('en_US')
        self.socket.sendall(method(START_OK, start_ok, 0))
        self.read_method()
        tune_ok = struct.pack('>HLH', CHANNEL_MAX, FRAME_MAX, 0)
        open_ = method(OPEN, short('/') + short('') + bytes(1), 0)
        self.socket.sendall(method(TUNE_OK, tune_ok, 0) + open_)
        self.read_method()
        self.call(CHANNEL_OPEN, short(''))

    def call(self, which: Method, arguments: bytes = b'') -> bytes:
        """Send a method. Return the arguments of the answer."""
        self.socket.sendall(method(which, arguments))
        answer, arguments = self.read_method()
        if answer != (which[0], which[1] + 1):
            raise RuntimeError(f'the broker answered {which} with {answer}: {arguments!r}')
        return arguments

    def read_method(self) -> tuple[Method, bytes]:
        """Wait for a method. Return its number and its arguments."""
        kind, payload = self.read_frame()
        if kind != METHOD:
            raise RuntimeError(f'received a frame of type {kind} instead of a method')
        return struct.unpack_from('>HH', payload), payload[4:]

    def read_frame(self) -> tuple[int, bytes]:
        """Wait for a frame of channel 0 or 1."""
        kind, _, size = struct.unpack('>BHL', self._read(7))
        payload = self._read(size)
        if self._read(1) != FRAME_END:
            raise RuntimeError('received a frame without an end byte')
        return kind, payload

    def _read(self, size: int) -> bytes:
        while len(self._received) < size:
            self._received += self.receive()
        data = bytes(self._received[:size])
        del self._received[:size]
        return data

    def receive(self) -> bytes:
        """Wait for some bytes."""
        if data := self.socket.recv(65536):
            return data
        raise RuntimeError('the broker has closed the connection')

    def left_over(self) -> int:
        """Discard the bytes after the last frame. Return their number."""
        size = len(self._received)
        self._received.clear()
        return size

    def count(self, queue: str) -> int:
        """Return the number of messages in a queue."""
        passive = b'\x01'
        answer = self.call(QUEUE_DECLARE, bytes(2) + short(queue) + passive + table({}))
        return int.from_bytes(answer[1 + len(queue) :][:4])

    def renew(self, queue: str) -> None:
        """Delete a queue if it exists, and declare it as a durable queue."""
        self.call(QUEUE_DELETE, bytes(2) + short(queue) + bytes(1))
        durable = b'\x02'
        self.call(QUEUE_DECLARE, bytes(2) + short(queue) + durable + table({}))

    def consume(self, queue: str, *, no_ack: bool, prefetch: int) -> None:
        """Start to consume. The consumer tag is the name of the queue."""
        self.call(QOS, struct.pack('>LHB', 0, prefetch, 0))
        flags = b'\x02' if no_ack else b'\0'
        self.call(CONSUME, bytes(2) + short(queue) + short(queue) + flags + table({}))

    def publish_many(self, message: bytes, messages: int) -> None:
        """Send the frames of a message many times, from one buffer."""
        batch = max(1, min(messages, (1 << 18) // len(message)))
        buffer = memoryview(message * batch)
        for _ in range(messages // batch):
            self.socket.sendall(buffer)
        self.socket.sendall(buffer[: messages % batch * len(message)])

    def close(self) -> None:
        """Close the connection cleanly; otherwise RabbitMQ logs a warning."""
        self.socket.sendall(method(CLOSE, struct.pack('>H', 200) + short('') + bytes(4), 0))
        while self.read_frame()[1][:4] != CLOSE_OK:
            pass
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def deliver_size(queue: str, size: int, headers: dict[str, Any]) -> int:
    """Return the size of a delivery, in bytes, with the name of the queue as consumer tag.

    All deliveries have the same size, so that a count of bytes is a count of deliveries.
    """
    arguments = short(queue) + bytes(9) + short('') + short(queue)
    return len(method(DELIVER, arguments)) + len(content(bytes(size), headers))
