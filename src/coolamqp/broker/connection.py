"""A connection, the broker's side: from the protocol header to the last close-ok.

Owns the handshake, the heartbeats, the channels. It knows nothing of the transport: the server
passes in received bytes and the time, and sends the bytes of the session. Nothing here waits.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import partial
from math import inf
from typing import Any, Final

from coolamqp.broker.channel import Channel
from coolamqp.broker.channel_frames import ChannelFrames
from coolamqp.broker.errors import Refusal
from coolamqp.broker.login import log_in, mechanisms
from coolamqp.broker.session import Session
from coolamqp.broker.state import BrokerState
from coolamqp.exceptions import WireError
from coolamqp.framing.decoder import ChannelSink, Decoder, FrameSink
from coolamqp.framing.definitions import (
    FRAME_MIN_SIZE,
    ChannelOpen,
    ChannelOpenOk,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionOpen,
    ConnectionOpenOk,
    ConnectionStart,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
    ConnectionUpdateSecret,
    ConnectionUpdateSecretOk,
    decode_method,
)
from coolamqp.framing.field_table import plain_table
from coolamqp.framing.frames import HEARTBEAT_FRAME, PROTOCOL_HEADER, encode_method
from coolamqp.framing.heartbeat import Heartbeat
from coolamqp.framing.hot import Buffer, method_index
from coolamqp.framing.method import Method
from coolamqp.framing.text import text_bytes
from coolamqp.reply_codes import (
    ACCESS_REFUSED,
    CHANNEL_ERROR,
    COMMAND_INVALID,
    NOT_ALLOWED,
)

# From the first byte to connection.open, and from close to close-ok, in seconds.
HANDSHAKE_TIMEOUT: Final = 10.0
CLOSE_TIMEOUT: Final = 5.0
_VERSION: Final = (0, 9)
_CHANNEL_OPEN: Final = 0x0014000A
_CHANNEL_CLOSE_OK: Final = 0x00140029


class Stage(Enum):
    """The stage of a connection."""

    AWAITING_HEADER = 'awaiting header'
    AWAITING_START_OK = 'awaiting start-ok'
    AWAITING_TUNE_OK = 'awaiting tune-ok'
    AWAITING_OPEN = 'awaiting open'
    OPEN = 'open'
    CLOSING = 'closing'
    CLOSED = 'closed'


class BrokerConnection(FrameSink):
    """A connection of a client.

    :param peer: the address of the client, for people
    :param certified: the common name in the certificate of the client; None without a certificate
    :param log: called with a line for the log
    :ivar cause: why the connection ended; empty while it has not, or if the client closed it
    """

    def __init__(
        self,
        state: BrokerState,
        number: int,
        peer: str,
        certified: str | None,
        log: Callable[[str], None],
    ) -> None:
        self.state = state
        self.number = number
        self.peer = peer
        self.session = Session(state, number)
        self.stage = Stage.AWAITING_HEADER
        self.cause = ''
        self.client_name = ''
        self.client_properties: dict[str, Any] = {}
        self._certified = certified
        self._log = log
        self._wants_login_errors = False
        self._decoder = Decoder(self, state.limits.frame_max)
        self._channels: dict[int, ChannelSink] = self._decoder.routes
        self._channel_max = state.limits.channel_max
        self._beginning = b''
        self._heartbeat = Heartbeat(0, state.timers.now)
        self._deadline = state.timers.now + HANDSHAKE_TIMEOUT

    # What the server uses

    def receive(self, data: bytes, now: float) -> None:
        """Process bytes of the client."""
        self._heartbeat.received(now)
        if self.stage is Stage.AWAITING_HEADER:
            data = self._check_header(self._beginning + data)
        if self.stage is Stage.CLOSED or not data:
            return
        self._refusing(partial(self._decoder.feed, data))

    def _refusing(self, call: Callable[[], None]) -> None:
        """Make a call; close the connection for an error of the client."""
        try:
            call()
        except Refusal as refusal:
            self.refuse(refusal, 0)
        except WireError as error:
            self.refuse(Refusal(error.reply_code, error.what), 0)

    def pieces(self) -> list[Buffer]:
        """Return the next bytes to send."""
        return self.session.out.pieces()

    def sent(self, count: int, now: float) -> None:
        """Record that the transport has taken `count` bytes; go on with deliveries."""
        self._heartbeat.sent(now)
        self.session.out.sent(count)
        if self.session.relieved():
            for channel in self.channels:
                channel.resume()

    def lost(self, cause: str) -> None:
        """End the connection, since its transport is lost."""
        if self.stage is not Stage.CLOSED:
            self.cause = self.cause or cause
            self._end()
        self.session.out.clear()

    def is_over(self) -> bool:
        """Whether the transport is to be closed: everything is said and sent."""
        return self.stage is Stage.CLOSED and not self.session.out.size

    def tick(self, now: float) -> None:
        """Act on the time: end what has taken too long, send heartbeats."""
        if self.stage is Stage.CLOSED:
            return
        if now >= self._deadline:
            self.lost('it did not open in time' if not self.session.is_open else 'no close-ok')
        elif self._heartbeat.peer_gone(now):
            self.lost(f'missed heartbeats from client, timeout: {self._heartbeat.interval:g}s')
        elif self._heartbeat.send_due(now):
            self._heartbeat.sent(now)
            self.session.send(HEARTBEAT_FRAME)

    def wake_at(self) -> float:
        """Return the time by which `tick` must be called."""
        return min(self._deadline, self._heartbeat.wake_at())

    @property
    def wants_read(self) -> bool:
        """Whether to read from the transport."""
        return not self.session.blocked

    def set_reading(self, reading: bool, now: float) -> None:
        """Record whether the server reads; silence counts only while it does."""
        self._heartbeat.set_reading(reading, now)

    @property
    def channels(self) -> list[Channel]:
        """The channels."""
        return [each.channel for each in self._channels.values() if isinstance(each, ChannelFrames)]

    # Commands of the broker

    def refuse(self, refusal: Refusal, index: int) -> None:
        """Close the connection for an error of the client.

        :param index: class and method id of the refused method, as one number
        """
        if self.stage in (Stage.CLOSING, Stage.CLOSED):
            return
        self.state.flush()  # No confirm may follow the close.
        self._log(f'closes the connection: {refusal}')
        self.cause = str(refusal)
        self._send(
            ConnectionClose(
                refusal.reply_code, refusal.reply_text, index >> 16 & 0xFFFF, index & 0xFFFF
            )
        )
        self._terminate()
        self.stage = Stage.CLOSING
        self._deadline = self.state.timers.now + CLOSE_TIMEOUT

    def close_channels(self, refusal: Refusal) -> None:
        """Close all channels."""
        for channel in list(self._channels.values()):
            if isinstance(channel, ChannelFrames):
                channel.close(refusal)

    def unblock(self) -> None:
        """Read on, since an alarm has ended, and process what was held."""
        self.session.unblock()
        for frames in list(self._channels.values()):
            if isinstance(frames, ChannelFrames):
                self._refusing(frames.release)

    # Frames. Those of open channels go straight to their channels.

    def on_method(self, channel: int, buffer: bytes, start: int, end: int) -> None:
        """Process a method frame of channel 0, or of a channel that is not open."""
        index = method_index(buffer, start, end)
        if channel == 0:
            try:
                self._on_connection_method(decode_method(buffer[start:end]))
            except Refusal as refusal:
                self.refuse(refusal, index)
        elif self.stage is Stage.OPEN:
            self._on_new_channel(channel, index, buffer[start:end])

    def _on_new_channel(self, number: int, index: int, payload: bytes) -> None:
        if index == _CHANNEL_CLOSE_OK:
            return  # of a close that crossed the client's own
        if index != _CHANNEL_OPEN:
            self.refuse(Refusal(CHANNEL_ERROR, "expected 'channel.open'"), index)
            return
        if self._channel_max and number > self._channel_max:
            what = f'number of channels opened ({number}) has reached the negotiated channel_max ({self._channel_max})'
            self.refuse(Refusal(NOT_ALLOWED, what), index)
            return
        opened = decode_method(payload)
        assert isinstance(opened, ChannelOpen)
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
        if self.stage is Stage.OPEN:
            self.refuse(Refusal(CHANNEL_ERROR, "expected 'channel.open'"), 0)

    def on_heartbeat(self) -> None:
        """Ignore a heartbeat: `receive` has recorded it."""

    # Methods of class connection

    def _on_connection_method(self, method: Method) -> None:
        if isinstance(method, ConnectionClose):
            self._send(ConnectionCloseOk())
            self._end()
        elif isinstance(method, ConnectionCloseOk):
            if self.stage is Stage.CLOSING:
                self._end()
        elif self.stage in (Stage.CLOSING, Stage.CLOSED):
            return  # Section 2.2.4: after close, everything else is ignored.
        elif self.stage is Stage.AWAITING_START_OK and isinstance(method, ConnectionStartOk):
            self._on_start_ok(method)
        elif self.stage is Stage.AWAITING_TUNE_OK and isinstance(method, ConnectionTuneOk):
            self._on_tune_ok(method)
        elif self.stage is Stage.AWAITING_OPEN and isinstance(method, ConnectionOpen):
            self._on_open(method)
        elif self.stage is Stage.OPEN and isinstance(method, ConnectionUpdateSecret):
            self._send(ConnectionUpdateSecretOk())
        else:
            raise Refusal(
                COMMAND_INVALID, f"unexpected method in connection state '{self.stage.value}'"
            )

    def _check_header(self, start: bytes) -> bytes:
        """Check the protocol header; return the bytes behind it (section 4.2.2)."""
        size = len(PROTOCOL_HEADER)
        if start[:size] == PROTOCOL_HEADER:
            offered = ' '.join(mechanisms(self._certified))
            self._send(ConnectionStart(*_VERSION, self.state.server_properties, offered, 'en_US'))
            self.stage = Stage.AWAITING_START_OK
            return start[size:]
        if len(start) < size and PROTOCOL_HEADER.startswith(start):
            self._beginning = start
            return b''
        self.session.send(PROTOCOL_HEADER)
        self.cause = f'it begins with {start[:size]!r}, which is no AMQP 0-9-1'
        self._end()
        return b''

    def _on_start_ok(self, method: ConnectionStartOk) -> None:
        decoded: Any = method.client_properties or []
        self.client_properties = properties = plain_table(decoded)
        capabilities = properties.get('capabilities')
        if isinstance(capabilities, dict):
            self.session.wants_cancel_notices = capabilities.get('consumer_cancel_notify') is True
            self.session.wants_blocked_notices = capabilities.get('connection.blocked') is True
            self._wants_login_errors = capabilities.get('authentication_failure_close') is True
        name = properties.get('connection_name') or properties.get('product')
        self.client_name = str(name or 'a client')
        mechanism = text_bytes(method.mechanism, 'mechanism').decode('utf-8', 'replace')
        response = text_bytes(method.response, 'response')
        user = log_in(self.state.users, mechanism, response, self._certified)
        if user is None:
            self._refuse_login(mechanism)
            return
        self.session.log_in(user)
        limits = self.state.limits
        self._send(ConnectionTune(limits.channel_max, limits.frame_max, limits.heartbeat))
        self.stage = Stage.AWAITING_TUNE_OK

    def _refuse_login(self, mechanism: str) -> None:
        refusal = Refusal(
            ACCESS_REFUSED,
            f'Login was refused using authentication mechanism {mechanism}. '
            'For details see the broker logfile.',
        )
        if self._wants_login_errors:
            raise refusal
        self.cause = str(refusal)
        self._log(f'hangs up: {refusal}')
        self._end()

    def _on_tune_ok(self, method: ConnectionTuneOk) -> None:
        limits = self.state.limits
        for name, value, largest in (
            ('frame_max', method.frame_max, limits.frame_max),
            ('channel_max', method.channel_max, limits.channel_max),
        ):
            if largest and (value == 0 or value > largest):
                shown = 'unlimited' if value == 0 else str(value)
                raise Refusal(
                    NOT_ALLOWED,
                    f'negotiated {name} = {shown} is higher than the maximum allowed value ({largest})',
                )
        if method.frame_max < FRAME_MIN_SIZE:
            raise Refusal(
                NOT_ALLOWED,
                f'negotiated frame_max = {method.frame_max} is lower than the minimum allowed value ({FRAME_MIN_SIZE})',
            )
        self.session.frame_max = self._decoder.frame_max = method.frame_max
        self._channel_max = method.channel_max
        self._heartbeat = Heartbeat(method.heartbeat, self.state.timers.now)
        self.stage = Stage.AWAITING_OPEN

    def _on_open(self, method: ConnectionOpen) -> None:
        name = text_bytes(method.virtual_host, 'virtual_host').decode('utf-8', 'replace')
        vhost = self.state.vhosts.get(name)
        self.state.users.check_vhost(self.session.user, name, exists=vhost is not None)
        if vhost is not None:
            self.session.open(vhost)
        self.stage = Stage.OPEN
        self._deadline = inf
        self._send(ConnectionOpenOk())
        self._log(f"opens '{name}' as '{self.session.user.name}'")

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
        for queue in self.session.exclusive_queues:
            self.session.vhost.delete_queue(queue)
        self.session.exclusive_queues = []

    def _end(self) -> None:
        self._terminate()
        self.stage = Stage.CLOSED
        self._deadline = inf
        self._heartbeat = Heartbeat(0, self.state.timers.now)
        self.state.outgoing.add(self.number)
        self._log(f'ends{": " if self.cause else ""}{self.cause}')
