"""The connection that Kombu uses: its channels, its events, its end."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any, Final, Protocol

from amqp.exceptions import RecoverableConnectionError

from coolamqp.exceptions import CoolAMQPError
from coolamqp.framing.field_table import Arguments
from coolamqp.kombu.errors import connection_error, no_channel_left
from coolamqp.kombu.heartbeat_thread import HeartbeatThread
from coolamqp.kombu.pull_driver import PullDriver
from coolamqp.kombu.readiness import Readiness
from coolamqp.objects import NodeDefinition
from coolamqp.supervisor.client_properties import client_properties
from coolamqp.uplink.channel import Channel as UplinkChannel
from coolamqp.uplink.channel import ChannelHandler
from coolamqp.uplink.connection import ConnectionObserver
from coolamqp.uplink.states import ConnectionState

# With so many events, `receive` reads nothing more. One read may add thousands of small messages.
WAITING_EVENTS_MAX: Final = 1000


class Collectable(Protocol):
    """A channel, as its connection sees it."""

    def collect(self) -> None:
        """Forget everything, and send nothing to the broker."""


@dataclass
class Options:
    """What a program may pass as `transport_options`, by the names of py-amqp.

    :ivar confirm_publish: whether `publish` waits for the confirm of the broker
    :ivar client_properties: properties to show in the management UI
    :ivar on_blocked: called with the reason when the broker stops reading publishes
    :ivar on_unblocked: called when it reads them again
    """

    confirm_publish: bool = False
    client_properties: Arguments = None
    on_blocked: Callable[[str], Any] | None = None
    on_unblocked: Callable[[], Any] | None = None


class Connection:
    """A connection to a broker, which ends with the first error.

    One thread at a time may use it.

    :param client: the `kombu.Connection` that it belongs to
    :ivar channels: the open channels, by number
    :ivar events: callbacks with arguments that `drain_events` calls, one at a time
    :ivar notices: callbacks with arguments that every call may call, such as `on_blocked`
    :ivar readiness: shows an event loop whether there are events; None without an event loop
    :ivar server_properties: properties of the broker
    :ivar heartbeat: the interval of heartbeats, in seconds; 0 for none
    """

    def __init__(self, node: NodeDefinition, client: Any, options: Options) -> None:
        self.client = client
        self.options = options
        self.channels: dict[int, Collectable] = {}
        self.events: deque[tuple[Any, ...]] = deque()
        self.notices: deque[tuple[Any, ...]] = deque()
        self.readiness: Readiness | None = None
        self.server_properties: dict[str, Any] = {}
        self.heartbeat = 0
        self.error: Exception | None = None
        self._heartbeat_thread: HeartbeatThread | None = None
        self._process = os.getpid()
        name = f'Kombu, process {self._process}'
        properties = client_properties(name, options.client_properties)
        self.driver = PullDriver(node, properties, _Observer(self))

    def connect(self) -> None:
        """Connect and log in.

        :raises OSError: no address can be reached
        :raises amqp.exceptions.AMQPError: the broker refuses the login, or is none
        """
        try:
            self._connect()
        except BaseException:
            self.collect()
            raise

    def _connect(self) -> None:
        try:
            self.uplink = self.driver.connect()
        except CoolAMQPError as error:
            raise connection_error(error) from error
        self.wait_while(lambda: self.uplink.state is not ConnectionState.OPEN)
        if self.uplink.properties is not None:
            self.server_properties = self.uplink.properties.properties
        self.heartbeat = self.uplink.limits.heartbeat
        if self.heartbeat:
            self._heartbeat_thread = HeartbeatThread(self.driver, self.heartbeat)

    @property
    def connected(self) -> bool:
        """Whether this process may use the connection, as far as its last call knows."""
        if self.error is not None or os.getpid() != self._process:
            return False
        return self.uplink.state is ConnectionState.OPEN

    @property
    def sock(self) -> int:
        """The file descriptor of the socket, for an event loop."""
        return self.driver.socket_number

    def check(self) -> None:
        """Raise the error that has ended the connection, if there is one.

        :raises RecoverableConnectionError: the connection belongs to the parent process
        """
        if self.error is not None:
            raise self.error.with_traceback(None)  # otherwise it would grow with each call
        if os.getpid() != self._process:
            raise RecoverableConnectionError('the connection belongs to the parent process')

    # Channels

    def open_uplink(self, handler: ChannelHandler) -> UplinkChannel:
        """Start to open a channel of the connection."""
        self.check()
        try:
            with self.driver.lock:
                return self.uplink.open_channel(handler)
        except CoolAMQPError as error:
            raise no_channel_left(error) from error

    # Events

    def drain_events(self, timeout: float | None = None) -> None:
        """Wait for one event, and call its callback.

        It also returns if `on_blocked` or the like was called, and there is no event.

        :param timeout: the longest wait, in seconds; None for no limit
        :raises TimeoutError: nothing has happened
        """
        try:
            if not self.events and not self._await_event(timeout):
                raise TimeoutError('timed out')
            self._call_next()
        finally:
            self.show_readiness()

    def drain_ready(self, seconds: float) -> None:
        """Call the callbacks of the events that are there, and begin none after some seconds."""
        until = monotonic() + seconds
        try:
            if not self.events:
                self._await_event(0)
            self._call_next()
            while self.events and monotonic() < until:
                self._call_next()
        finally:
            self.show_readiness()

    def _call_next(self) -> None:
        if self.events:
            function, *arguments = self.events.popleft()
            function(*arguments)

    def _await_event(self, timeout: float | None) -> bool:
        """Wait for an event or a notice, and call the notices. Return whether there was any."""
        self.check()
        if timeout == 0:
            self.driver.send()
            self.driver.receive()
        else:
            deadline = inf if timeout is None else monotonic() + timeout
            while not self._eventful() and monotonic() < deadline:
                self.driver.wait(deadline)
        happened = bool(self.events or self.notices)
        self._call_notices()
        if not self.events:
            self.check()
        return happened

    def _eventful(self) -> bool:
        return bool(self.events or self.notices) or self.error is not None

    def wait_while(self, condition: Callable[[], bool], timeout: float | None = None) -> None:
        """Wait until a condition is false. Consumers are not called meanwhile.

        :raises RecoverableConnectionError: it takes longer than the timeout
        """
        deadline = inf if timeout is None else monotonic() + timeout
        try:
            while condition():
                self.check()
                if monotonic() >= deadline:
                    raise RecoverableConnectionError(f'the broker has not answered in {timeout} s')
                self.driver.wait(deadline)
                self._call_notices()
        finally:
            self.show_readiness()

    def flush(self, timeout: float | None = None) -> None:
        """Send the written bytes. Wait while the socket takes no more.

        :raises RecoverableConnectionError: it takes longer than the timeout
        """
        if self.driver.send():
            deadline = inf if timeout is None else monotonic() + timeout
            try:
                while self.driver.wait_to_send(deadline):
                    self.check()
                    if monotonic() >= deadline:
                        raise RecoverableConnectionError(f'the socket is full for {timeout} s')
                    self._call_notices()
                self.check()
                self._call_notices()
            finally:
                self.show_readiness()

    def receive(self) -> None:
        """Process the bytes that are there; raise the error if the broker has closed.

        It reads nothing while many events wait: a program that publishes for each message would
        read faster than it drains.
        """
        self.check()
        try:
            if len(self.events) < WAITING_EVENTS_MAX:
                self.driver.receive()
                self.check()
            self._call_notices()
        finally:
            self.show_readiness()

    def _call_notices(self) -> None:
        while self.notices:
            function, *arguments = self.notices.popleft()
            function(*arguments)

    def show_readiness(self) -> None:
        """Show the event loop, if there is one, whether events or an error wait."""
        if self.readiness is not None:
            self.readiness.show(bool(self.events) or self.error is not None)

    def heartbeat_tick(self) -> None:
        """Send a heartbeat if it is time; raise an error if the broker is silent for too long."""
        self.receive()
        self.driver.send()

    # Ending

    def close(self) -> None:
        """Close the connection and its channels. A child process must not: its parent uses it."""
        if os.getpid() != self._process:
            self.collect()
            return
        if self.error is None:
            with self.driver.lock:
                self.uplink.close(monotonic())
            while self.uplink.state is not ConnectionState.CLOSED:
                self.driver.wait(inf)
        self._end_thread_and_pipe()
        self.driver.close()
        self._forget_channels()

    def collect(self) -> None:
        """Drop the connection, and send nothing to the broker. A child process does so."""
        if self.error is None:
            self.error = connection_error(None)
        self._end_thread_and_pipe()
        self.driver.abandon()
        self._forget_channels()

    def _end_thread_and_pipe(self) -> None:
        # In a child process the thread is not there, and its locks may be held for ever.
        if self._heartbeat_thread is not None and os.getpid() == self._process:
            self._heartbeat_thread.end()
        if self.readiness is not None:
            self.readiness.close()
            self.readiness = None

    def _forget_channels(self) -> None:
        for channel in list(self.channels.values()):
            channel.collect()
        self.events.clear()
        self.notices.clear()

    def on_closed(self, cause: Exception | None) -> None:
        """Record the error, and drop the events: the broker delivers their messages again."""
        self.error = connection_error(cause)
        self.events.clear()
        self.notices.clear()


class _Observer(ConnectionObserver):
    """Records what happens to a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def on_open(self) -> None:
        """Do nothing: `wait_while` checks the state."""

    def on_closed(self, cause: Exception | None) -> None:
        """Record the error."""
        self._connection.on_closed(cause)

    def on_blocked(self, blocked: bool, reason: str) -> None:
        """Queue the callback. It is called without the lock."""
        options, notices = self._connection.options, self._connection.notices
        if blocked and options.on_blocked is not None:
            notices.append((options.on_blocked, reason))
        elif not blocked and options.on_unblocked is not None:
            notices.append((options.on_unblocked,))

    def on_ignored(self, what: str) -> None:
        """Do nothing: it does no harm."""
