"""The transports of one engine: that of its link, and those that send the last bytes of old links.

Both drivers use it. It decides nothing: it follows the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from logging import DEBUG
from math import inf
from typing import Final, TypeAlias

from coolamqp.log_events import LogEvent
from coolamqp.net.connector import Watch
from coolamqp.net.transport import Transport
from coolamqp.supervisor.engine import Engine
from coolamqp.supervisor.link import Link

MakeTransport: TypeAlias = Callable[[Link, Watch, Callable[[], None]], Transport]

# The most that is sent in one turn, in bytes. Then the driver does its other work.
TURN_BYTES_MAX: Final = 1024 * 1024


class Transports:
    """The transports of one engine. All calls need the engine lock.

    :param watch: watches a socket; the driver then passes it to `Transport.on_ready`
    :param on_resolved: called on another thread when `follow` is due, since a name is resolved
    :param make_transport: makes the transport of a link
    :ivar current: the transport of the engine's link; None if it wants none
    """

    def __init__(
        self,
        engine: Engine,
        watch: Watch,
        on_resolved: Callable[[], None],
        make_transport: MakeTransport = Transport,
    ) -> None:
        self.current: Transport | None = None
        self._engine = engine
        self._watch = watch
        self._on_resolved = on_resolved
        self._make_transport = make_transport
        self._old: list[Transport] = []  # whose links are not over yet

    @property
    def ending(self) -> bool:
        """Whether some old links still have bytes to send."""
        return bool(self._old)

    def wake_at(self) -> float:
        """Return the time by which `follow` must be called."""
        wake_at = inf if self.current is None else self.current.wake_at
        for old in self._old:
            wake_at = min(wake_at, old.link.over_at)
        return wake_at

    def follow(self, now: float) -> None:
        """Make the transport that the engine wants, go on connecting it, and end all others."""
        link, current = self._engine.link, self.current
        if current is not None and current.link is not link:
            self.current = None
            self._old.append(current)
        for old in list(self._old):
            self._end(old, now)
        if link is None:
            return
        if self.current is None:
            self.current = self._make_transport(link, self._watch, self._on_resolved)
        try:
            if not self.current.connected:
                self.current.advance(now)
        except Exception as error:  # noqa: BLE001 - the engine reports it
            self.fail(self.current, error, now)

    def send(self, now: float) -> None:
        """Send what the link has, and watch the socket for what is to come."""
        current = self.current
        if current is not None and current.connected:
            more = send(current, now)
            current.watch_for(reading=self._engine.wants_read, writing=more)

    def _end(self, old: Transport, now: float) -> None:
        """Send the rest of a link, and close the transport once the link is over."""
        if old.connected:
            send(old, now)
        link = old.link
        unsent = not link.is_over(now) or (not old.flushed and now < link.over_at)
        if old.failure is not None:
            self.fail(old, old.failure, now)
        elif old.connected and unsent:
            old.watch_for(reading=False, writing=True)
        else:
            self._old.remove(old)
            old.close()

    def fail(self, transport: Transport, error: Exception, now: float) -> None:
        """Close a transport that is lost, or that cannot be had."""
        transport.close()
        if transport is self.current:
            self.current = None
            self._engine.link_failed(transport.link, error, now)
        else:
            self._old.remove(transport)
            node = transport.link.node
            self._engine.effects.log(
                LogEvent.LAST_FRAMES_UNSENT,
                f'the last frames to {node} were not sent: {error}',
                DEBUG,
                node=node,
                cause=error,
            )

    def close(self) -> None:
        """Close all."""
        for transport in self._take_all():
            transport.close()

    def abandon(self) -> None:
        """Close the descriptors in a child process, without a word to the broker."""
        for transport in self._take_all():
            transport.abandon()

    def _take_all(self) -> list[Transport]:
        transports = [*self._old, *([] if self.current is None else [self.current])]
        self._old.clear()
        self.current = None
        return transports


def send(transport: Transport, now: float) -> bool:
    """Send what the link of a transport has, as far as the socket takes it within one turn.

    :returns: whether there is more to send
    """
    link, left = transport.link, TURN_BYTES_MAX
    transport.flush()
    while left > 0 and (pieces := link.data_to_send()):
        count = transport.send(pieces)
        if count:
            link.sent(count, now)
            transport.sent_at = now
            left -= count
        if count < sum([len(piece) for piece in pieces]):
            return True
    return left <= 0
