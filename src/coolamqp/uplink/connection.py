"""One connection to one broker: from the protocol header to the last close-ok.

Owns the handshake, the limits, the heartbeats, the channels and the send buffer. Knows nothing of
the transport: the driver passes in received bytes and the time, and sends the bytes in `out`. An
observer hears what happens. Nothing here waits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import inf
from typing import Final

from mypy_extensions import mypyc_attr

from coolamqp.exceptions import AMQPError, ConnectionDead, CoolAMQPError, TLSRefused, WireError
from coolamqp.framing.decoder import ChannelSink, Decoder, FrameSink
from coolamqp.framing.definitions import (
    ConnectionBlocked,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionOpen,
    ConnectionOpenOk,
    ConnectionSecure,
    ConnectionStart,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
    ConnectionUnblocked,
    decode_method,
)
from coolamqp.framing.field_table import Arguments
from coolamqp.framing.frames import HEARTBEAT_FRAME, PROTOCOL_HEADER, encode_method
from coolamqp.framing.heartbeat import Heartbeat
from coolamqp.framing.method import Method
from coolamqp.framing.send_buffer import SendBuffer
from coolamqp.framing.text import text_bytes
from coolamqp.objects import NodeDefinition, ServerProperties
from coolamqp.reply_codes import COMMAND_INVALID, REPLY_SUCCESS
from coolamqp.tracing import BaseFrameTracer
from coolamqp.uplink.channel import Channel, ChannelHandler
from coolamqp.uplink.channel_numbers import ChannelNumbers
from coolamqp.uplink.frame_tap import FrameTap
from coolamqp.uplink.login import choose_login, unanswerable_challenge
from coolamqp.uplink.states import CONNECTION_TRANSITIONS, ChannelState, ConnectionState
from coolamqp.uplink.tuning import CHANNEL_MAX, FRAME_MAX, Limits, negotiate

# From the first byte to open-ok, and from close to close-ok, in seconds.
HANDSHAKE_TIMEOUT: Final = 10.0
CLOSE_TIMEOUT: Final = 2.0
# Every broker must offer this one (field "locales" of connection.start).
LOCALE: Final = 'en_US'
# The first octet of a peer that expects TLS: of an alert or a handshake (RFC 8446, section 5.1).
TLS_CONTENT_TYPES: Final = (21, 22)


@mypyc_attr(allow_interpreted_subclasses=True)
class ConnectionObserver(ABC):
    """The observer of a connection, which calls these methods from within its own."""

    @abstractmethod
    def on_open(self) -> None:
        """The connection is ready for channels."""

    @abstractmethod
    def on_closed(self, cause: Exception | None) -> None:
        """The connection has ended. The driver may still send the bytes in `out`.

        :param cause: None if this side closed the connection
        """

    @abstractmethod
    def on_blocked(self, blocked: bool, reason: str) -> None:
        """The broker has stopped reading publishes, or reads them again."""

    @abstractmethod
    def on_ignored(self, what: str) -> None:
        """The broker has sent something that it should not, and that does no harm."""


class Connection(FrameSink):
    """A connection. Making one starts the handshake.

    :param node: virtual host, login and limits to ask for
    :param client_properties: properties of this client, for the broker
    :param tracer: frame tracer, if there is one
    :param handshake_timeout: longest time from the first byte to open-ok, in seconds
    :ivar out: send buffer
    :ivar state: see `coolamqp.uplink.states`
    :ivar properties: properties of the broker; None until it has sent them
    :ivar peer_silent: whether the connection ended because the broker sent nothing
    """

    def __init__(
        self,
        node: NodeDefinition,
        client_properties: Arguments,
        observer: ConnectionObserver,
        tracer: BaseFrameTracer | None,
        now: float,
        handshake_timeout: float = HANDSHAKE_TIMEOUT,
    ) -> None:
        self.node = node
        self.out = SendBuffer()
        self.state = ConnectionState.AWAITING_START
        self.properties: ServerProperties | None = None
        self.limits = Limits(CHANNEL_MAX, FRAME_MAX, 0)
        self.peer_silent = False
        self._heartbeats_missed = 0  # on a connection that has ended
        self._client_properties = client_properties
        self._mechanism = ''  # of the login
        self._observer = observer
        self._tap = None if tracer is None else FrameTap(tracer)
        self._decoder = Decoder(self, FRAME_MAX)
        self._heartbeat = Heartbeat(0, now)
        self._numbers = ChannelNumbers(CHANNEL_MAX)
        # The frames of an open channel go straight to it.
        self._channels: dict[int, ChannelSink] = self._decoder.routes
        self._handshake_timeout = handshake_timeout
        self._deadline = now + handshake_timeout
        self._now = now
        self._beginning: bytes | None = b''  # first bytes of the peer, until they are recognised
        self.out.append(PROTOCOL_HEADER)

    # Input

    def receive(self, data: bytes, now: float) -> None:
        """Process bytes that the transport has received."""
        self._now = now
        self._heartbeat.received(now)
        if self.state is ConnectionState.CLOSED:
            return
        try:
            if self._beginning is not None:
                data = self._check_beginning(self._beginning + data)
            if self._tap is not None and data:
                self._tap.received(data, now)
            self._decoder.feed(data)
        except WireError as error:
            self._violated(error)

    @property
    def traced(self) -> bool:
        """Whether a frame tracer sees the frames."""
        return self._tap is not None

    def sent(self, count: int, now: float) -> None:
        """Record that the transport has taken the first `count` bytes of `out`."""
        if self._tap is not None:
            self._tap.sent(self.out.front(count), now)
        self._heartbeat.sent(now)
        self.out.sent(count)

    def set_reading(self, reading: bool, now: float) -> None:
        """Record whether the driver reads; silence of the broker counts only while it does."""
        self._heartbeat.set_reading(reading, now)

    def tick(self, now: float) -> None:
        """Act on the time: end what has taken too long, send heartbeats."""
        self._now = now
        if self.state is ConnectionState.CLOSED:
            return
        if now >= self._deadline:
            if self.state is ConnectionState.CLOSING:
                self._give_up(None)
            else:
                timeout = self._handshake_timeout
                self._end(ConnectionDead(f'the handshake took over {timeout:.2g} s'))
        elif self._heartbeat.peer_gone(now):
            interval = self._heartbeat.interval
            self._heartbeat.missed += 1
            self.peer_silent = True
            self.lost(
                ConnectionDead(
                    f'nothing heard from the broker for over 1.5 heartbeats of {interval:g} s'
                )
            )
        elif self._heartbeat.send_due(now):
            self._heartbeat.sent(now)
            self.out.append(HEARTBEAT_FRAME)

    def wake_at(self) -> float:
        """Return the time by which `tick` must be called."""
        return min(self._deadline, self._heartbeat.wake_at())

    def lost(self, cause: Exception) -> None:
        """End the connection, since its transport is lost or of no more use."""
        if self.state is ConnectionState.AWAITING_TUNE:
            # For a wrong password RabbitMQ may just hang up, see authentication_failure_close.
            cause = ConnectionDead(
                f'the broker hung up on the login, perhaps a wrong password: {cause}'
            )
        self._give_up(None if self.state is ConnectionState.CLOSING else cause)

    def _give_up(self, cause: Exception | None) -> None:
        """End the connection, and drop the unsent bytes: nobody reads them.

        The publisher sends its messages again. The old ones must not arrive after them.
        """
        self._end(cause)
        self.out.clear()

    def close(self, now: float) -> None:
        """Close the connection; `on_closed` follows."""
        if self.state is ConnectionState.OPEN:
            self.state = ConnectionState.CLOSING
            self._decoder.routes = {}  # After close, the frames of channels mean nothing.
            for channel in self._channels.values():
                if isinstance(channel, Channel):
                    channel.connection_closing()
            self._deadline = now + CLOSE_TIMEOUT
            self._send(ConnectionClose(REPLY_SUCCESS, b'', 0, 0))
        else:
            self._end(None)

    @property
    def heartbeats_missed(self) -> int:
        """How often the broker was silent for a heartbeat interval or more."""
        return self._heartbeats_missed + self._heartbeat.missed

    @property
    def channel_count(self) -> int:
        """The number of channels."""
        return len(self._channels)

    @property
    def has_free_channel(self) -> bool:
        """Whether the broker allows one more channel."""
        return self._numbers.available

    def open_channel(self, handler: ChannelHandler) -> Channel:
        """Start to open a channel.

        :raises CoolAMQPError: all channels that the broker allows are in use
        """
        number, frame_max = self._numbers.allocate(), self.limits.frame_max
        channel = Channel(number, handler, self.out, frame_max, self._forget_channel)
        self._channels[channel.number] = channel
        return channel

    def _forget_channel(self, number: int) -> None:
        del self._channels[number]
        self._numbers.release(number)

    # Frames. Those of open channels go straight to their channels.

    def on_method(self, channel: int, buffer: bytes, start: int, end: int) -> None:
        """Process the payload of a method frame."""
        if channel == 0:
            self._on_connection_method(decode_method(buffer[start:end]))
        elif self.state is ConnectionState.OPEN:
            self._observer.on_ignored(f'a method on channel {channel}, which is not open')

    def on_header(self, channel: int, buffer: bytes, start: int, end: int) -> None:
        """Ignore a header frame on a channel that is not open."""

    def on_body(self, channel: int, buffer: bytes, start: int, end: int, frame_ended: bool) -> None:
        """Ignore a piece of a body on a channel that is not open."""

    def on_heartbeat(self) -> None:
        """Ignore a heartbeat: `receive` has recorded it."""

    # Methods of class connection

    def _on_connection_method(self, method: Method) -> None:
        following = CONNECTION_TRANSITIONS.get((self.state, method.NAME))
        if following is None:
            self._on_unexpected(method)
            return
        if following is not ConnectionState.CLOSED:
            self.state = following
        if isinstance(method, ConnectionStart):
            self._on_start(method)
        elif isinstance(method, ConnectionSecure):
            raise unanswerable_challenge(self._mechanism)
        elif isinstance(method, ConnectionTune):
            self._on_tune(method)
        elif isinstance(method, ConnectionOpenOk):
            self._deadline = inf
            self._observer.on_open()
        elif isinstance(method, (ConnectionBlocked, ConnectionUnblocked)):
            self._on_blocked(method)
        elif isinstance(method, (ConnectionClose, ConnectionCloseOk)):
            self._on_close(method)

    def _on_unexpected(self, method: Method) -> None:
        """Ignore a method on an open connection; without an open one, nothing can go on."""
        if self.state is ConnectionState.OPEN:
            self._observer.on_ignored(f'{method.NAME} on an open connection')
        elif self.state not in (ConnectionState.CLOSING, ConnectionState.CLOSED):
            # Section 2.2.4: after close, everything but close and close-ok is ignored.
            what = f'{method.NAME} on a connection that is {self.state.value}'
            raise WireError(what, 'on channel 0', COMMAND_INVALID)

    def _on_blocked(self, method: ConnectionBlocked | ConnectionUnblocked) -> None:
        if isinstance(method, ConnectionBlocked):
            reason = text_bytes(method.reason, 'reason').decode('utf-8', 'replace')
            self._observer.on_blocked(True, reason)
        else:
            self._observer.on_blocked(False, '')

    def _on_close(self, method: ConnectionClose | ConnectionCloseOk) -> None:
        if isinstance(method, ConnectionClose):
            self._send(ConnectionCloseOk())
            self._end(AMQPError(method))
        else:
            self._end(None)

    def _on_start(self, start: ConnectionStart) -> None:
        self.properties = ServerProperties(start)
        try:
            login = choose_login(self.node, self.properties.mechanisms)
        except CoolAMQPError as error:
            self._end(error)
            return
        self._mechanism = login.mechanism
        self._send(
            ConnectionStartOk(self._client_properties, login.mechanism, login.response, LOCALE)
        )

    def _on_tune(self, tune: ConnectionTune) -> None:
        limits = self.limits = negotiate(tune, self.node.heartbeat, self.node.channel_max)
        self._decoder.frame_max = limits.frame_max
        self._numbers = ChannelNumbers(limits.channel_max)
        self._heartbeat = Heartbeat(limits.heartbeat, self._now)
        self._send(ConnectionTuneOk(limits.channel_max, limits.frame_max, limits.heartbeat))
        self._send(ConnectionOpen(self.node.virtual_host))

    def _send(self, method: Method) -> None:
        self.out.append(encode_method(0, method))

    # Endings

    def _check_beginning(self, start: bytes) -> bytes:
        """Recognise a peer that is no AMQP 0-9-1 broker by its first bytes."""
        if start.startswith(b'AMQP'):
            # Section 4.2.2: a broker of another version answers with its header.
            if len(start) < len(PROTOCOL_HEADER):
                self._beginning = start
                return b''
            version = '.'.join(str(octet) for octet in start[5:8])
            self._end(ConnectionDead(f'the peer speaks AMQP {version}, not 0-9-1'))
            return b''
        if b'AMQP'.startswith(start):
            self._beginning = start
            return b''
        self._beginning = None
        if start[0] in TLS_CONTENT_TYPES:
            self._end(TLSRefused('the peer speaks TLS; use amqps:// or tls=True for this port'))
            return b''
        if start[0] != 1:
            self._end(ConnectionDead(f'the peer is no AMQP broker: it begins with {start[:16]!r}'))
            return b''
        return start

    def _violated(self, error: WireError) -> None:
        """Close the connection, since the peer has violated the protocol."""
        if self.state not in (ConnectionState.CLOSING, ConnectionState.CLOSED):
            self._send(ConnectionClose(error.reply_code, str(error)[:255], 0, 0))
        self._end(error)

    def _end(self, cause: Exception | None) -> None:
        if self.state is ConnectionState.CLOSED:
            return
        self.state = ConnectionState.CLOSED
        self._deadline = inf
        self._heartbeats_missed = self._heartbeat.missed
        self._heartbeat = Heartbeat(0, self._now)
        channels = list(self._channels.values())
        self._channels.clear()
        for channel in channels:
            if isinstance(channel, Channel) and channel.state is not ChannelState.CLOSED:
                channel.connection_lost(cause)
        self._observer.on_closed(cause)
