"""The broker's side of a connection: from the protocol header to connection.close-ok.

It owns the handshake, the heartbeats and the channels. It must not depend on the transport: the
server passes received bytes and the time as arguments, and sends the bytes of the session.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import partial
from math import inf
from typing import Final

from coolamqp.broker.channel import Channel
from coolamqp.broker.channel_frames import ChannelFrames
from coolamqp.broker.decoding import decode
from coolamqp.broker.errors import Refusal
from coolamqp.broker.handshake import Handshake, HandshakeError, Stage
from coolamqp.broker.session import Session
from coolamqp.broker.state import BrokerState
from coolamqp.exceptions import WireError
from coolamqp.framing.decoder import ChannelSink, Decoder, FrameSink
from coolamqp.framing.definitions import (
    ChannelOpenOk,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionUpdateSecret,
    ConnectionUpdateSecretOk,
)
from coolamqp.framing.frames import FRAME_OVERHEAD, HEARTBEAT_FRAME, encode_method
from coolamqp.framing.heartbeat import Heartbeat
from coolamqp.framing.hot import Buffer, method_index
from coolamqp.framing.method import Method
from coolamqp.log_events import LogEvent
from coolamqp.reply_codes import CHANNEL_ERROR, NOT_ALLOWED, UNEXPECTED_FRAME
from coolamqp.timers import Timer

# The longest times, in seconds: from the start to connection.open (RabbitMQ has 10 s as well), and
# from connection.close to close-ok, or from close-ok to the end of the socket.
HANDSHAKE_TIMEOUT: Final = 10.0
CLOSE_TIMEOUT: Final = 5.0
_CHANNEL_OPEN: Final = 0x0014000A


class ConnectionState(Enum):
    """The state of a connection."""

    OPENING = 'opening'
    OPEN = 'open'
    CLOSING = 'closing'
    # The broker has answered connection.close of the client, which closes the socket next.
    LINGERING = 'lingering'
    CLOSED = 'closed'


class BrokerConnection(FrameSink):
    """A connection of a client.

    :param peer: the address of the client, for the log
    :param common_name: the common name in the certificate of the client; None without a certificate
    :param log: a function that logs a line
    :ivar cause: the reason for the end of the connection; empty if it is open, or if the client has
        closed it
    :ivar is_aborted: whether the server must abort the transport, because of a time-out
    """

    def __init__(
        self,
        state: BrokerState,
        number: int,
        peer: str,
        common_name: str | None,
        log: Callable[[LogEvent, str], None],
    ) -> None:
        self.state = state
        self.number = number
        self.peer = peer
        self.session = Session(state, number)
        self.handshake = Handshake(self.session, common_name)
        self.stage = ConnectionState.OPENING
        self.cause = ''
        self.is_aborted = False
        self._log = log
        self._decoder = Decoder(self, state.limits.frame_max)
        self._channels: dict[int, ChannelSink] = self._decoder.routes
        self._heartbeat = Heartbeat(0, state.timers.now)
        self._deadline = state.timers.now + HANDSHAKE_TIMEOUT
        self._timer: Timer | None = None
        self._watch_time()

    # For the server

    def receive(self, data: bytes, now: float) -> None:
        """Process bytes of the client."""
        self._heartbeat.received(now)
        if self.stage is ConnectionState.CLOSED:
            return
        self._refusing(partial(self._process, data))
        self.session.check_congestion()

    def _process(self, data: bytes) -> None:
        if self.handshake.stage is Stage.HEADER:
            data = self.handshake.receive_header(data)
        self._decoder.feed(data)

    def _refusing(self, call: Callable[[], None]) -> None:
        """Call a function; close the connection if it raises an error of the client."""
        try:
            call()
        except HandshakeError as error:
            self._close_socket(str(error))
        except Refusal as refusal:
            self.refuse(refusal, 0)
        except WireError as error:
            self.refuse(Refusal(error.reply_code, error.what), 0)

    def pieces(self) -> list[Buffer]:
        """Return the next bytes to send."""
        return self.session.out.pieces()

    def sent(self, count: int, now: float) -> None:
        """Record that the transport has taken `count` bytes, and resume deliveries."""
        self._heartbeat.sent(now)
        self.session.out.sent(count)
        if self.session.relieved():
            for channel in self.channels:
                channel.resume()
            self._release()

    def lost(self, cause: str) -> None:
        """End the connection, because its transport is lost."""
        if self.stage not in (ConnectionState.LINGERING, ConnectionState.CLOSED):
            self.cause = self.cause or cause
            self._end()
        self.stage = ConnectionState.CLOSED
        self.session.out.clear()
        self._deadline = inf
        self._watch_time()

    def is_over(self) -> bool:
        """Whether the connection has ended and sent all bytes, so the transport must close."""
        return self.stage is ConnectionState.CLOSED and not self.session.out.size

    def _watch_time(self) -> None:
        """Set the timer for the next heartbeat or time-out."""
        timers = self.state.timers
        if self._timer is not None:
            timers.cancel(self._timer)
        wake_at = min(self._deadline, self._heartbeat.wake_at())
        self._timer = None
        if wake_at != inf:
            self._timer = timers.after(max(wake_at - timers.now, 0), self._on_time)

    def _on_time(self) -> None:
        self._act_on_time(self.state.timers.now)
        self._watch_time()

    def _act_on_time(self, now: float) -> None:
        """Send a heartbeat, or end the connection after a time-out."""
        if now >= self._deadline:
            self._abort(
                'the handshake took too long' if not self.session.is_open else 'no close-ok'
            )
        elif self._heartbeat.peer_gone(now):
            self._abort(f'missed heartbeats from client, timeout: {self._heartbeat.interval:g}s')
        elif self._heartbeat.send_due(now):
            self._heartbeat.sent(now)
            self.session.send(HEARTBEAT_FRAME)

    def _abort(self, cause: str) -> None:
        """End the connection after a time-out, and drop its unsent bytes."""
        self.lost(cause)
        self.is_aborted = True
        self.state.outgoing.add(self.number)

    @property
    def wants_read(self) -> bool:
        """Whether to read from the transport."""
        return not (self.session.blocked or self.session.overloaded)

    def set_reading(self, reading: bool, now: float) -> None:
        """Record whether the server reads. Missed heartbeats count only while it reads."""
        self._heartbeat.set_reading(reading, now)

    @property
    def client_name(self) -> str:
        """The client property `connection_name`, else `product`, else `a client`."""
        properties = self.handshake.client_properties
        return str(properties.get('connection_name') or properties.get('product') or 'a client')

    @property
    def channels(self) -> list[Channel]:
        """The channels."""
        return [each.channel for each in self._channels.values() if isinstance(each, ChannelFrames)]

    # Commands of the broker

    def refuse(self, refusal: Refusal, index: int) -> None:
        """Close the connection because of an error of the client.

        :param index: class and method id of the refused method, as one number
        """
        if self.stage not in (ConnectionState.OPENING, ConnectionState.OPEN):
            return
        self.state.flush()  # No confirm may follow the close.
        self._log(LogEvent.BROKER_CONNECTION_REFUSED, f'closes the connection: {refusal}')
        self.cause = str(refusal)
        self._send(
            ConnectionClose(
                refusal.reply_code, refusal.reply_text, index >> 16 & 0xFFFF, index & 0xFFFF
            )
        )
        self._terminate()
        self.stage = ConnectionState.CLOSING
        self._deadline = self.state.timers.now + CLOSE_TIMEOUT
        self._watch_time()

    def close_channels(self, refusal: Refusal) -> None:
        """Close all channels."""
        for channel in list(self._channels.values()):
            if isinstance(channel, ChannelFrames):
                channel.close(refusal)

    def unblock(self) -> None:
        """Read again after the end of an alarm, and process the frames that were held."""
        self.session.unblock()
        self._release()

    def _release(self) -> None:
        """Process the frames that were held."""
        for frames in list(self._channels.values()):
            if isinstance(frames, ChannelFrames):
                self._refusing(frames.release)

    # Frames of channel 0 and of closed channels. The decoder passes other frames to their channels.

    def on_method(self, channel: int, buffer: bytes, start: int, end: int) -> None:
        """Process a method frame of channel 0, or of a channel that is not open."""
        if self.stage in (ConnectionState.CLOSING, ConnectionState.CLOSED) and channel:
            return
        index = method_index(buffer, start, end)
        try:
            if channel == 0:
                self._on_connection_method(decode(buffer[start:end]))
            elif self.stage is ConnectionState.OPEN:
                self._open_channel(channel, index)
            elif self.stage is ConnectionState.OPENING:
                raise HandshakeError('the client uses a channel before the connection is open')
        except Refusal as refusal:
            self.refuse(refusal, index)

    def _open_channel(self, number: int, index: int) -> None:
        if index != _CHANNEL_OPEN:
            raise Refusal(CHANNEL_ERROR, "expected 'channel.open'")
        count, channel_max = len(self._channels), self.handshake.channel_max
        if count >= channel_max:
            raise Refusal(
                NOT_ALLOWED,
                f'number of channels opened ({count}) has reached the negotiated channel_max '
                f'({channel_max})',
            )
        channel = Channel(self.session, number)
        self._channels[number] = ChannelFrames(channel, self.refuse, self._forget_channel)
        channel.send(ChannelOpenOk())

    def _forget_channel(self, number: int) -> None:
        self._channels.pop(number, None)

    def on_header(self, channel: int, buffer: bytes, start: int, end: int) -> None:
        """Refuse a header frame on a channel that is not open."""
        self._refuse_content()

    def on_body(self, channel: int, buffer: bytes, start: int, end: int, frame_ended: bool) -> None:
        """Refuse a piece of a body on a channel that is not open."""
        self._refuse_content()

    def _refuse_content(self) -> None:
        if self.stage is ConnectionState.OPEN:
            what = 'expected method frame, got non method frame instead'
            self.refuse(Refusal(UNEXPECTED_FRAME, what), 0)

    def on_heartbeat(self) -> None:
        """Ignore a heartbeat: `receive` has recorded it."""

    # Methods of class connection

    def _on_connection_method(self, method: Method) -> None:
        if self.stage is ConnectionState.OPENING:
            self._on_handshake_method(method)
        elif isinstance(method, ConnectionClose):
            self._send(ConnectionCloseOk())
            self._end()
            self.stage = ConnectionState.LINGERING
            self._deadline = self.state.timers.now + CLOSE_TIMEOUT
            self._watch_time()
        elif self.stage is not ConnectionState.OPEN:
            if isinstance(method, ConnectionCloseOk):
                self._end()
        elif isinstance(method, ConnectionUpdateSecret):
            self._send(ConnectionUpdateSecretOk())
        else:
            raise Refusal(CHANNEL_ERROR, 'unexpected method in connection state running')

    def _on_handshake_method(self, method: Method) -> None:
        handshake = self.handshake
        handshake.on_method(method)
        if handshake.stage is Stage.OPEN:
            self._decoder.frame_max = self.session.frame_max + FRAME_OVERHEAD
            self._heartbeat = Heartbeat(handshake.heartbeat, self.state.timers.now)
            self._watch_time()
        elif handshake.stage is Stage.DONE:
            self.stage = ConnectionState.OPEN
            self._deadline = inf
            self._watch_time()
            self._log(
                LogEvent.BROKER_CONNECTION_OPENED,
                f"opens '{self.session.vhost.name}' as '{self.session.user.name}'",
            )

    def _close_socket(self, cause: str) -> None:
        """Close the socket without connection.close."""
        self.cause = cause
        self._end()

    def _send(self, method: Method) -> None:
        self.session.send(encode_method(0, method))

    # Endings

    def _terminate(self) -> None:
        """End all channels, and delete the exclusive queues."""
        channels = self.channels
        self.session.ended = True
        self._decoder.routes = self._channels = {}
        for channel in channels:
            channel.terminate()
        for queue in list(self.session.exclusive_queues):
            self.session.vhost.delete_queue(queue)

    def _end(self) -> None:
        self._terminate()
        self.stage = ConnectionState.CLOSED
        self._deadline = self.state.timers.now + CLOSE_TIMEOUT
        self._heartbeat = Heartbeat(0, self.state.timers.now)
        self._watch_time()
        self.state.outgoing.add(self.number)
        self._log(LogEvent.BROKER_CONNECTION_ENDED, f'ends{": " if self.cause else ""}{self.cause}')
