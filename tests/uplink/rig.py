"""A connection with a scripted broker at its other end, and observers that note what they hear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from coolamqp.exceptions import AMQPError
from coolamqp.framing.definitions import (
    BasicReturn,
    ChannelCloseOk,
    ChannelOpenOk,
    ConnectionCloseOk,
    ConnectionOpenOk,
    ConnectionTune,
)
from coolamqp.framing.hot import Buffer, Envelope
from coolamqp.framing.method import Method
from coolamqp.objects import NodeDefinition
from coolamqp.tracing import BaseFrameTracer
from coolamqp.uplink.channel import Channel, ChannelHandler
from coolamqp.uplink.connection import Connection, ConnectionObserver
from coolamqp.uplink.states import ChannelState, ConnectionState
from tests.support.scripted_broker import NODE, Clock, ScriptedBroker, start

TUNE = ConnectionTune(100, 8192, 0)


class Observer(ConnectionObserver):
    """Notes what a connection tells."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def on_open(self) -> None:
        self.heard.append('open')

    def on_closed(self, cause: Exception | None) -> None:
        self.heard.append(('closed', cause))

    def on_blocked(self, blocked: bool, reason: str) -> None:
        self.heard.append(('blocked', blocked, reason))

    def on_ignored(self, what: str) -> None:
        self.heard.append(('ignored', what))

    @property
    def cause(self) -> Any:
        """Why the connection has ended; it must have ended, once."""
        (end,) = [each for each in self.heard if each[0] == 'closed']
        return end[1]


class Handler(ChannelHandler):
    """Notes what a channel tells."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def on_channel_open(self) -> None:
        self.heard.append('open')

    def on_channel_closed(self, error: AMQPError | None) -> None:
        self.heard.append(('closed', error and error.reply_code))

    def on_channel_lost(self, cause: Exception | None) -> None:
        self.heard.append('lost')

    def on_method(self, method: Method) -> None:
        self.heard.append(method)

    def on_delivery(self, envelope: Envelope, properties: bytes, body: Any) -> None:
        self.heard.append(('delivered', envelope.delivery_tag, body))

    def on_get_ok(self, envelope: Envelope, properties: bytes, body: Any) -> None:
        self.heard.append(('fetched', envelope.delivery_tag, body))

    def on_return(self, method: BasicReturn, properties: bytes, body: Any) -> None:
        self.heard.append(('returned', method.reply_code, body))

    def on_settlement(self, delivery_tag: int, multiple: bool, acked: bool) -> None:
        self.heard.append((delivery_tag, multiple, acked))


@dataclass
class ConnectionWire:
    """What a scripted broker needs of a connection."""

    connection: Connection

    def data_to_send(self) -> list[Buffer]:
        return self.connection.out.pieces()

    def sent(self, count: int, now: float) -> None:
        self.connection.sent(count, now)

    def receive(self, data: bytes, now: float) -> None:
        self.connection.receive(data, now)


class Peers:
    """A connection and all that is around it."""

    def __init__(
        self,
        node: NodeDefinition = NODE,
        tracer: BaseFrameTracer | None = None,
        properties: Any = None,
    ) -> None:
        self.clock = Clock()
        self.observer = Observer()
        self.connection = Connection(node, properties, self.observer, tracer, self.clock.now)
        self.broker = ScriptedBroker(ConnectionWire(self.connection), self.clock)

    def open(self, tune: ConnectionTune | None = None) -> Peers:
        """Shake hands."""
        self.broker.shake_hands(tune)
        assert self.observer.heard == ['open']
        return self

    def state(self) -> ConnectionState:
        """Give the state of the connection, which changes behind the type checker's back."""
        return self.connection.state

    def channel(self) -> tuple[Channel, Handler]:
        """Open a channel."""
        handler = Handler()
        channel = self.connection.open_channel(handler)
        self.broker.hear()
        self.broker.send(channel.number, ChannelOpenOk())
        assert handler.heard.pop() == 'open'
        return channel, handler

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.now += seconds
        self.connection.tick(self.clock.now)


def link_in(state: ConnectionState) -> Peers:
    """Lead a connection into a state."""
    link = Peers()
    if state is not ConnectionState.AWAITING_START:
        link.broker.send(0, start())
    if state not in (ConnectionState.AWAITING_START, ConnectionState.AWAITING_TUNE):
        link.broker.send(0, TUNE)
    if state in (ConnectionState.OPEN, ConnectionState.CLOSING, ConnectionState.CLOSED):
        link.broker.send(0, ConnectionOpenOk())
    if state in (ConnectionState.CLOSING, ConnectionState.CLOSED):
        link.connection.close(link.clock.now)
    if state is ConnectionState.CLOSED:
        link.broker.send(0, ConnectionCloseOk())
    link.broker.hear()
    assert link.state() is state
    return link


def link_with(state: ChannelState) -> tuple[Peers, Channel, Handler]:
    """Give a connection with a channel in a state."""
    link = Peers().open(ConnectionTune(10, 131072, 0))
    handler = Handler()
    channel = link.connection.open_channel(handler)
    if state is not ChannelState.OPENING:
        link.broker.send(1, ChannelOpenOk())
    if state in (ChannelState.CLOSING, ChannelState.CLOSED):
        channel.close()
    if state is ChannelState.CLOSED:
        link.broker.send(1, ChannelCloseOk())
    link.broker.hear()
    handler.heard.clear()
    assert channel.state is state
    return link, channel, handler
