"""The base of all attaches: open a channel, set up on it, and repeat this after a reconnect.

The set-up is a dialogue with the broker. An attach writes it as a generator, which yields methods
and receives their answers. So the code reads from top to bottom, in the order of the protocol.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Generator
from typing import Any, Final, TypeAlias

from mypy_extensions import mypyc_attr

from coolamqp.attaches.counters import Counters
from coolamqp.attaches.effects import Effects
from coolamqp.attaches.suspects import Suspects
from coolamqp.exceptions import AMQPError, CoolAMQPError
from coolamqp.framing.definitions import BasicReturn
from coolamqp.framing.frames import encode_method
from coolamqp.framing.hot import Envelope
from coolamqp.framing.method import Method
from coolamqp.log_events import LogEvent
from coolamqp.timers import Timers
from coolamqp.uplink.channel import Channel, ChannelHandler
from coolamqp.uplink.connection import Connection

ST_OFFLINE: Final = 0
ST_SYNCING: Final = 1
ST_ONLINE: Final = 2

STATE_NAMES: Final = {ST_OFFLINE: 'offline', ST_SYNCING: 'syncing', ST_ONLINE: 'online'}

# (state, event) -> next state. `make docs` writes the table in the documentation from it.
TRANSITIONS: Final[dict[tuple[int, str], int]] = {
    (ST_OFFLINE, 'connection up'): ST_SYNCING,
    (ST_SYNCING, 'set up'): ST_ONLINE,
    (ST_SYNCING, 'channel closed'): ST_OFFLINE,
    (ST_SYNCING, 'connection lost'): ST_OFFLINE,
    (ST_ONLINE, 'channel closed'): ST_OFFLINE,
    (ST_ONLINE, 'connection lost'): ST_OFFLINE,
}

Dialogue: TypeAlias = Generator[Method, Any, None]

# The pause before an attach opens a channel again that the broker has closed. It doubles each time.
RETRY_SECONDS_MIN: Final = 0.05
RETRY_SECONDS_MAX: Final = 5.0


@mypyc_attr(allow_interpreted_subclasses=True)
class Channeler(ChannelHandler):
    """An attach: an object that uses a channel of its own.

    :ivar state: `ST_OFFLINE`, `ST_SYNCING` (during the set-up) or `ST_ONLINE`
    :ivar counters: the counters of the engine
    """

    def __init__(self) -> None:
        self.state = ST_OFFLINE
        self.channel: Channel | None = None
        self.connection: Connection | None = None
        self.counters = Counters()
        self._dialogue: Dialogue | None = None
        self._last_method: Method | None = None
        self._retry_delay = RETRY_SECONDS_MIN
        # Called once per connection, at the end of the first set-up, whether it succeeds or fails.
        self.on_first_set_up: Callable[[Channeler], None] | None = None

    def join(
        self,
        effects: Effects,
        timers: Timers,
        suspects: Suspects,
        counters: Counters | None = None,
    ) -> None:
        """Become part of an engine.

        :param counters: the counters of the engine; None keeps those of the attach
        """
        self.effects = effects
        self.timers = timers
        self.suspects = suspects
        if counters is not None:
            self.counters = counters

    def attach(self, connection: Connection) -> None:
        """Open a channel on an open connection and set up on it."""
        self.connection = connection
        self.open()

    def detach(self, cause: Exception | None) -> None:
        """Go offline because the connection is lost, unless the channel has reported it already."""
        if self.connection is not None:
            self.on_channel_lost(cause)

    @property
    def busy(self) -> bool:
        """Whether a program waits for an answer from this attach."""
        return False

    def unanswered(self) -> list[object]:
        """Return the requests without an answer that will be sent again on the next connection."""
        return []

    def fail_all(self, error: Exception) -> None:
        """Fail everything that is pending: the engine makes no more connections."""

    @abstractmethod
    def set_up(self) -> Dialogue:
        """Set up on the channel: yield methods, receive their answers."""

    def on_setup_answer(self, answer: Method) -> None:
        """Handle the broker's answer to a method of `set_up`."""

    def on_online(self) -> None:
        """Handle the end of a successful set-up."""

    def on_offline(self) -> None:
        """Handle the loss of the channel, for any reason."""

    def retry_later(self) -> None:
        """Open a channel again after a pause, which doubles each time."""
        connection = self.connection
        self.timers.after(self._retry_delay, lambda: self._retry(connection))
        self._retry_delay = min(self._retry_delay * 2, RETRY_SECONDS_MAX)

    def _retry(self, connection: Connection | None) -> None:
        if self.connection is connection and self.channel is None:
            self.open()

    def open(self) -> None:
        """Open a channel and set up on it; without a connection, do nothing."""
        if self.connection is None:
            return
        self._move('connection up')
        self._dialogue = None
        try:
            self.channel = self.connection.open_channel(self)
        except CoolAMQPError as error:
            self.go_offline('channel closed')
            self.on_no_channel(error)
            self.report_set_up()

    def report_set_up(self) -> None:
        """Report the end of the first set-up on this connection, if it is not reported yet."""
        report, self.on_first_set_up = self.on_first_set_up, None
        if report is not None:
            report(self)

    @abstractmethod
    def on_no_channel(self, error: CoolAMQPError) -> None:
        """Handle the failure to open a channel: all channel numbers are in use."""

    def _move(self, event: str) -> None:
        self.state = TRANSITIONS[self.state, event]

    # Calls of the channel

    def on_channel_open(self) -> None:
        """Start the set-up."""
        self._dialogue = self.set_up()
        self._continue(None)

    def _continue(self, answer: Method | None) -> None:
        if self._dialogue is None or self.channel is None:
            return
        if answer is not None:
            self.on_setup_answer(answer)
        try:
            method = self._dialogue.send(answer)
        except StopIteration:
            self._dialogue = None
            self._move('set up')
            self._retry_delay = RETRY_SECONDS_MIN
            self.on_online()
            self.report_set_up()
        except Exception as error:  # noqa: BLE001 - the attach handles it, or raises it
            self.on_set_up_error(self.channel, error)
        else:
            self._send_set_up(self.channel, method)

    def _send_set_up(self, channel: Channel, method: Method) -> None:
        self._last_method = method
        try:
            check_sendable(method, self.connection)
        except (TypeError, ValueError) as error:
            channel.close()
            self.on_unsendable(error)
        else:
            channel.call(method, self._continue)

    def on_set_up_error(self, channel: Channel, error: Exception) -> None:
        """Handle an error of `set_up` itself, which is a defect of most attaches."""
        raise error

    def on_unsendable(self, error: Exception) -> None:
        """Handle a method of `set_up` that is too large to send. The channel closes."""

    def was_refused(self, cause: Exception | None) -> bool:
        """Whether the broker closed the connection because of the last method of `set_up`."""
        return self._dialogue is not None and is_refusal_of(cause, self._last_method)

    def on_channel_lost(self, cause: Exception | None) -> None:
        """Go offline until the next connection."""
        self.suspects.record(self.unanswered())
        self.connection = None
        self.on_first_set_up = None
        self.go_offline('connection lost')

    def go_offline(self, event: str) -> None:
        """Go offline; the event is 'channel closed' or 'connection lost'."""
        self.channel = None
        self._dialogue = None
        if self.state != ST_OFFLINE:
            self._move(event)
        self.on_offline()

    # The following costs at most this channel. Messages have to be settled, and nobody would settle
    # an unexpected one. When the channel closes, the broker requeues it.

    def on_method(self, method: Method) -> None:
        """Ignore a method that this attach does not expect."""
        self._ignore(method.NAME)

    def on_delivery(self, envelope: Envelope, properties: bytes, body: Any) -> None:
        """Close a channel that has no consumer."""
        self.close_after('a delivery')

    def on_get_ok(self, envelope: Envelope, properties: bytes, body: Any) -> None:
        """Close a channel that waits for no fetched message."""
        self.close_after('a fetched message')

    def on_return(self, method: BasicReturn, properties: bytes, body: Any) -> None:
        """Ignore a returned message on a channel that publishes no messages."""
        self._ignore(method.NAME)

    def on_settlement(self, delivery_tag: int, multiple: bool, acked: bool) -> None:
        """Ignore a confirm on a channel without publisher confirms."""
        self._ignore('a confirm')

    def _ignore(self, what: str) -> None:
        self.effects.log(
            LogEvent.UNEXPECTED_IGNORED,
            f'CoolAMQP has ignored {what}, which nobody expects on its channel',
        )

    def close_after(self, what: str) -> None:
        """Close the channel, because the broker has sent what nobody expects."""
        self.effects.log(
            LogEvent.UNEXPECTED_CLOSES_CHANNEL,
            f'CoolAMQP closes a channel on which nobody expects {what}',
        )
        if self.channel is not None:
            self.channel.close()


def check_sendable(method: Method, connection: Connection | None) -> None:
    """Check a method before it is sent; a broker closes the connection for a frame that is too big.

    :raises ValueError: the method needs more than one frame, or a value is out of range
    :raises TypeError: a value has the wrong type
    """
    size = len(encode_method(0, method))
    if connection is not None and size > connection.limits.frame_max:
        raise ValueError(
            f'{method.NAME} has {size} bytes, but the broker accepts frames of at most '
            f'{connection.limits.frame_max} bytes; make its arguments shorter'
        )


def is_refusal_of(cause: Exception | None, method: Method | None) -> bool:
    """Whether the broker closed the connection because of this method."""
    return (
        isinstance(cause, AMQPError)
        and method is not None
        and (cause.class_id, cause.method_id) == method.INDEX
    )
