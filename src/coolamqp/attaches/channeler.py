"""What every attach does: have a channel, set itself up on it, and take itself up again.

Setting up is a dialogue with the broker. An attach writes it as a generator that yields methods and
is sent their answers, so that it reads from top to bottom like the protocol it speaks.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Generator
from typing import Any, Final, TypeAlias

from mypy_extensions import mypyc_attr

from coolamqp.attaches.effects import Effects
from coolamqp.attaches.timers import Timers
from coolamqp.exceptions import AMQPError, CoolAMQPError, WireError
from coolamqp.framing.definitions import BasicReturn
from coolamqp.framing.frames import encode_method
from coolamqp.framing.hot import Envelope
from coolamqp.framing.method import Method
from coolamqp.reply_codes import COMMAND_INVALID
from coolamqp.uplink.channel import Channel, ChannelHandler
from coolamqp.uplink.connection import Connection

ST_OFFLINE: Final = 0
ST_SYNCING: Final = 1
ST_ONLINE: Final = 2

STATE_NAMES: Final = {ST_OFFLINE: 'offline', ST_SYNCING: 'syncing', ST_ONLINE: 'online'}

# What moves an attach on; the diagram in the documentation is drawn from it.
TRANSITIONS: Final[dict[tuple[int, str], int]] = {
    (ST_OFFLINE, 'connection up'): ST_SYNCING,
    (ST_SYNCING, 'set up'): ST_ONLINE,
    (ST_SYNCING, 'channel closed'): ST_OFFLINE,
    (ST_SYNCING, 'connection lost'): ST_OFFLINE,
    (ST_ONLINE, 'channel closed'): ST_OFFLINE,
    (ST_ONLINE, 'connection lost'): ST_OFFLINE,
}

Dialogue: TypeAlias = Generator[Method, Any, None]

# How long to wait, in seconds, before a channel that the broker has closed is opened again.
FIRST_RETRY: Final = 0.05
LAST_RETRY: Final = 5.0


@mypyc_attr(allow_interpreted_subclasses=True)
class Channeler(ChannelHandler):
    """An attach: something that lives on a channel of its own.

    :ivar state: `ST_OFFLINE`, `ST_SYNCING` or `ST_ONLINE`
    """

    def __init__(self) -> None:
        self.state = ST_OFFLINE
        self.channel: Channel | None = None
        self.connection: Connection | None = None
        self._dialogue: Dialogue | None = None
        self._asked: Method | None = None
        self._retry_delay = FIRST_RETRY
        # Told once, when the first link on a connection has ended, well or not.
        self.on_first_attempt: Callable[[Channeler], None] | None = None

    def join(self, effects: Effects, timers: Timers) -> None:
        """Become part of an engine."""
        self.effects = effects
        self.timers = timers

    def attach(self, connection: Connection) -> None:
        """Take up work on a connection that is open."""
        self.connection = connection
        self.open()

    def detach(self, cause: Exception | None) -> None:
        """Note that the connection is gone, if the channel has not said so: there may be none."""
        if self.connection is not None:
            self.on_channel_lost(cause)

    @property
    def busy(self) -> bool:
        """Whether it owes somebody an answer."""
        return False

    def fail_all(self, error: Exception) -> None:
        """End everything that waits for this, with an error: there will be no connection more."""

    @abstractmethod
    def set_up(self) -> Dialogue:
        """Say what is needed before this is online: yield methods, get their answers."""

    def on_setup_answer(self, answer: Method) -> None:
        """Do what should be done when the broker has answered a method of `set_up`."""

    def on_online(self) -> None:
        """Do what should be done once set up is complete."""

    def on_offline(self) -> None:
        """Do what should be done when the channel is gone, for whatever reason."""

    def retry_later(self) -> None:
        """Open a channel again after a while that grows from one time to the next."""
        connection = self.connection
        self.timers.after(self._retry_delay, lambda: self._retry(connection))
        self._retry_delay = min(self._retry_delay * 2, LAST_RETRY)

    def _retry(self, connection: Connection | None) -> None:
        if self.connection is connection and self.channel is None:
            self.open()

    def open(self) -> None:
        """Open a channel and set up on it, if there is a connection."""
        if self.connection is None:
            return
        self._move('connection up')
        self._dialogue = None
        try:
            self.channel = self.connection.open_channel(self)
        except CoolAMQPError as error:
            self.go_offline('channel closed')
            self.on_no_channel(error)
            self.attempted()

    def attempted(self) -> None:
        """Report that the first link has ended, if anybody waits for it."""
        report, self.on_first_attempt = self.on_first_attempt, None
        if report is not None:
            report(self)

    @abstractmethod
    def on_no_channel(self, error: CoolAMQPError) -> None:
        """Do what should be done when the connection has no channel left to give."""

    def _move(self, event: str) -> None:
        self.state = TRANSITIONS[self.state, event]

    # What the channel says

    def on_channel_open(self) -> None:
        """Begin to set up."""
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
            self._retry_delay = FIRST_RETRY
            self.on_online()
            self.attempted()
        else:
            self._ask(self.channel, method)

    def _ask(self, channel: Channel, method: Method) -> None:
        self._asked = method
        try:
            check_sendable(method, self.connection)
        except (TypeError, ValueError) as error:
            channel.close()
            self.on_unsendable(error)
        else:
            channel.call(method, self._continue)

    def on_unsendable(self, error: Exception) -> None:
        """Do what should be done when a method of `set_up` cannot be sent; the channel closes."""

    def was_refused(self, cause: Exception | None) -> bool:
        """Whether the connection was closed for the method that `set_up` has just sent."""
        return self._dialogue is not None and is_refusal_of(cause, self._asked)

    def on_channel_lost(self, cause: Exception | None) -> None:
        """Go offline until there is a connection again."""
        self.connection = None
        self.on_first_attempt = None
        self.go_offline('connection lost')

    def go_offline(self, event: str) -> None:
        """Note that the channel is gone, by 'channel closed' or 'connection lost'."""
        self.channel = None
        self._dialogue = None
        if self.state != ST_OFFLINE:
            self._move(event)
        self.on_offline()

    def on_method(self, method: Method) -> None:
        """Refuse a method that has no business on this channel."""
        raise WireError(f'an unexpected {method.NAME}', 'on a channel', COMMAND_INVALID)

    def on_delivery(self, envelope: Envelope, properties: bytes, body: Any) -> None:
        """Refuse a delivery on a channel that has no consumer."""
        raise WireError('an unexpected basic.deliver', 'on a channel', COMMAND_INVALID)

    def on_get_ok(self, envelope: Envelope, properties: bytes, body: Any) -> None:
        """Refuse a fetched message on a channel that fetches none."""
        raise WireError('an unexpected basic.get-ok', 'on a channel', COMMAND_INVALID)

    def on_return(self, method: BasicReturn, properties: bytes, body: Any) -> None:
        """Refuse a returned message on a channel that publishes none."""
        raise WireError('an unexpected basic.return', 'on a channel', COMMAND_INVALID)

    def on_settlement(self, delivery_tag: int, multiple: bool, acked: bool) -> None:
        """Refuse a confirm that has no business on this channel."""
        raise WireError('an unexpected confirm', 'on a channel', COMMAND_INVALID)


def check_sendable(method: Method, connection: Connection | None) -> None:
    """Raise ValueError or TypeError if a method cannot be sent: the broker would hang up on it."""
    size = len(encode_method(0, method))
    if connection is not None and size > connection.limits.frame_max:
        raise ValueError(
            f'{method.NAME} needs {size} bytes; a frame holds {connection.limits.frame_max}'
        )


def is_refusal_of(cause: Exception | None, method: Method | None) -> bool:
    """Whether the broker has closed the connection because of this method."""
    return (
        isinstance(cause, AMQPError)
        and method is not None
        and (cause.class_id, cause.method_id) == method.INDEX
    )
