"""A small blocking client that hides nothing: what the broker sends stays in order until asked for.

This module has connections over a `Wire`; `channel.py` has their channels. An error of the broker
is a `Refused`, which fails the test with the reason, unless the test expects it. One thread uses a
connection at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from coolamqp.framing.definitions import (
    ChannelOpen,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionOpen,
    ConnectionOpenOk,
    ConnectionStart,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
)
from coolamqp.framing.frames import (
    PROTOCOL_HEADER,
    AMQPMethodFrame,
    encode_frame,
)
from coolamqp.framing.method import Method
from tests.behaviour.channel import RawChannel
from tests.behaviour.wire import (
    TIMEOUT,
    Disconnected,
    MethodT,
    Refused,
    Wire,
    eventually,
    refusal,
)

__all__ = [
    'CAPABILITIES',
    'RawChannel',
    'RawConnection',
    'eventually',
    'open_wire',
    'plain_response',
]

CAPABILITIES = {
    'authentication_failure_close': True,
    'basic.nack': True,
    'connection.blocked': True,
    'consumer_cancel_notify': True,
    'exchange_exchange_bindings': True,
    'publisher_confirms': True,
}
FRAME_MAX = 131072  # what RabbitMQ proposes


def open_wire(url: str) -> Wire:
    """Return a wire to the broker of an amqp:// address, on which nothing is sent yet."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return Wire(parts.hostname, parts.port)


def plain_response(url: str) -> bytes:
    """Return the SASL response of the mechanism PLAIN for the user of an address."""
    parts = urlsplit(url)
    return f'\0{unquote(parts.username or "")}\0{unquote(parts.password or "")}'.encode()


def vhost_of(url: str) -> str:
    """Return the virtual host of an address."""
    return unquote(urlsplit(url).path[1:]) or '/'


class RawConnection:
    """An open connection to a broker.

    :param url: its address, with user, password and virtual host
    :param capabilities: the client's, by name
    :param heartbeat: seconds between heartbeats, as agreed with the broker; 0 for none
    :param channel_max: the largest number of a channel; by default that of the broker
    :param frame_max: in bytes; by default that of the broker
    :param mechanism: of SASL
    :param response: of SASL; by default that of PLAIN
    :param virtual_host: instead of the one in the address
    :raises Refused: the broker closed the connection during the handshake
    :raises Disconnected: the broker closed the socket during the handshake
    :ivar start: the broker's connection.start
    :ivar tune: the broker's connection.tune
    """

    def __init__(
        self,
        url: str,
        *,
        capabilities: Mapping[str, bool] = CAPABILITIES,
        heartbeat: int = 0,
        channel_max: int | None = None,
        frame_max: int | None = None,
        mechanism: str = 'PLAIN',
        response: bytes | None = None,
        virtual_host: str | None = None,
    ) -> None:
        self.url = url
        self.wire = open_wire(url)
        self.frame_max = FRAME_MAX
        self.closed: Refused | Disconnected | None = None
        self._channels: dict[int, RawChannel] = {}
        self._control: deque[Method] = deque()
        self._publisher: RawChannel | None = None
        try:
            self.wire.send(PROTOCOL_HEADER)
            self.start = self._shake(ConnectionStart)
            properties = {'product': 'behaviour', 'capabilities': dict(capabilities)}
            answer = plain_response(url) if response is None else response
            self.send(0, ConnectionStartOk(properties, mechanism, answer, 'en_US'))
            self.tune = self._shake(ConnectionTune)
            self.frame_max = self.tune.frame_max if frame_max is None else frame_max
            channel_max = self.tune.channel_max if channel_max is None else channel_max
            self.send(0, ConnectionTuneOk(channel_max, self.frame_max, heartbeat))
            self.send(0, ConnectionOpen(vhost_of(url) if virtual_host is None else virtual_host))
            self._shake(ConnectionOpenOk)
        except BaseException:
            self.wire.close()
            raise
        self.wire.heartbeat = heartbeat

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def channel(self, number: int = 0) -> RawChannel:
        """Open a channel and return it.

        :param number: its number; by default the lowest that is free
        """
        number = number or next(n for n in range(1, 65536) if n not in self._channels)
        channel = RawChannel(self, number)
        self._channels[number] = channel
        channel.call(ChannelOpen())
        return channel

    @property
    def publisher(self) -> RawChannel:
        """A channel with confirms, for messages that a test only needs to be there."""
        if self._publisher is None:
            self._publisher = self.channel().confirm()
        return self._publisher

    def forget(self, number: int) -> None:
        """Free the number of a closed channel."""
        self._channels.pop(number, None)

    def send(self, channel: int, method: Method) -> None:
        """Send a method."""
        self.wire.send_method(channel, method)

    def send_frame(self, kind: int, channel: int, payload: bytes) -> None:
        """Send a frame, whatever it has in it."""
        self.wire.send(encode_frame(kind, channel, payload))

    def call(self, method: Method) -> Any:
        """Send a method on channel 0 and return its answer."""
        self.send(0, method)
        return self.expect_named(method.ANSWERS)

    def expect(self, kind: type[MethodT]) -> MethodT:
        """Return the next method on channel 0, which must be of a kind."""
        method = self._next_control()
        assert isinstance(method, kind), f'{method} came, not {kind.__name__}'
        return method

    def expect_named(self, names: tuple[str, ...]) -> Method:
        """Return the next method on channel 0, which must have one of these names."""
        method = self._next_control()
        assert method.NAME in names, f'{method} came, not {names}'
        return method

    def expect_nothing(self) -> None:
        """Check that nothing waits on channel 0, after a round trip on another."""
        self.channel().close()
        assert not self._control, list(self._control)

    def expect_close(self) -> tuple[int, str]:
        """Return code and text with which the broker closes the connection."""
        with suppress(Refused):
            while self.closed is None:
                self._read(TIMEOUT)
        assert isinstance(self.closed, Refused), self.closed
        assert self.closed.channel == 0
        return self.closed.code, self.closed.text

    @property
    def blamed(self) -> tuple[int, int]:
        """Class and method that the broker named when it closed the connection."""
        assert isinstance(self.closed, Refused), self.closed
        return self.closed.index

    def expect_cut(self) -> None:
        """Check that the broker closes the socket, and sends nothing before."""
        self.wire.expect_end()
        self.closed = Disconnected('the broker cut the connection')

    def refused(self, method: Method, channel: int = 0) -> tuple[int, str]:
        """Send a method; return code and text with which the broker closes the connection."""
        self.send(channel, method)
        return self.expect_close()

    def close(self) -> None:
        """Close the connection, with a handshake if it is still open."""
        try:
            if self.closed is None:
                self.send(0, ConnectionClose(200, 'bye', 0, 0))
                self._control.clear()
                while not self._control or not isinstance(self._control.pop(), ConnectionCloseOk):
                    self._read(TIMEOUT)
                self.closed = Disconnected('the test closed the connection')
        except Refused:
            pass  # both closed at once
        finally:
            self.wire.close()

    def abort(self) -> None:
        """Close the socket without a word."""
        self.closed = Disconnected('the test cut the connection')
        self.wire.close()

    def read(self, timeout: float = TIMEOUT) -> None:
        """Read one frame for whomever it is.

        :raises Refused, Disconnected: the connection is closed
        """
        if self.closed is not None:
            raise self.closed
        self._read(timeout)

    def _next_control(self) -> Method:
        while not self._control:
            self.read()
        return self._control.popleft()

    def _shake(self, kind: type[MethodT]) -> MethodT:
        method = self._next_control()
        assert isinstance(method, kind), f'{method} came, not {kind.__name__}'
        return method

    def _read(self, timeout: float) -> None:
        try:
            frame = self.wire.next_frame(timeout)
        except Disconnected as end:
            self.closed = end
            raise
        channel: int = getattr(frame, 'channel', 0)
        if channel:
            self._channels[channel].add(frame)
            return
        assert isinstance(frame, AMQPMethodFrame), frame
        method = frame.payload
        if isinstance(method, ConnectionClose):
            self.send(0, ConnectionCloseOk())
            self.closed = refusal(0, method)
            raise self.closed
        self._control.append(method)
