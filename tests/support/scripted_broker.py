"""A broker in memory for tests, without a socket and a thread, and with a manual clock.

`ScriptedBroker` is the other end of one connection. It is as strict as RabbitMQ about what a client
may say on a channel, and when.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from coolamqp.framing.collector import FrameCollector
from coolamqp.framing.definitions import (
    METHODS,
    BasicAck,
    BasicCancel,
    BasicCancelOk,
    BasicConsume,
    BasicConsumeOk,
    BasicDeliver,
    BasicPublish,
    BasicReturn,
    ChannelClose,
    ChannelCloseOk,
    ChannelOpen,
    ConfirmSelect,
    ConnectionOpenOk,
    ConnectionStart,
    ConnectionTune,
    QueueDeclare,
    QueueDeclareOk,
)
from coolamqp.framing.frames import (
    AMQPBodyFrame,
    AMQPFrame,
    AMQPHeaderFrame,
    AMQPMethodFrame,
    encode_method,
)
from coolamqp.framing.hot import Buffer
from coolamqp.framing.method import Method
from coolamqp.framing.properties import EMPTY_PROPERTIES, BasicContentPropertyList
from coolamqp.objects import NodeDefinition

_BY_NAME = {method.NAME: method for method in METHODS.values()}
_MethodT = TypeVar('_MethodT', bound=Method)

SERVER_PROPERTIES = {'product': 'Scripted', 'version': '1.0', 'capabilities': {'basic.nack': True}}
NODE = NodeDefinition('broker', 'guest', 'secret')


class Wire(Protocol):
    """The end of the client."""

    def data_to_send(self) -> list[Buffer]:
        """Return the next bytes of the client."""

    def sent(self, count: int, now: float) -> None:
        """Report to the client how many bytes were sent."""

    def receive(self, data: bytes, now: float) -> None:
        """Pass bytes to the client."""


class Clock:
    """The time, in seconds; a test sets it."""

    def __init__(self) -> None:
        self.now = 1000.0


@dataclass
class Published:
    """A received message; `tag` is its number on a channel with confirms, 0 on others."""

    channel: int
    tag: int
    exchange: bytes
    routing_key: bytes
    body: bytes = b''
    properties: BasicContentPropertyList = EMPTY_PROPERTIES
    mandatory: bool = False


class ScriptedBroker:
    """The other end of one connection.

    :param wire: the client's end
    :ivar unanswered: the names of methods that `serve` does not answer
    :ivar refuses: returns the reply code to refuse a method with; 0 to accept it
    :ivar refusal_text: the text of a refusal; empty for one that says nothing
    :ivar log: all received methods, each with its channel
    :ivar published: all received messages
    :ivar unconfirmed: the messages on channels with confirms, by channel and tag; tests settle them
    """

    def __init__(self, wire: Wire, clock: Clock) -> None:
        self.wire = wire
        self.clock = clock
        self.unanswered: set[str] = set()
        self.refuses: Callable[[Method], int] = refuse_nothing
        self.refusal_text = b''
        self.log: list[tuple[int, Method]] = []
        self.published: list[Published] = []
        self.unconfirmed: dict[int, dict[int, Published]] = {}
        self.consumers: dict[int, bytes] = {}
        self.open_channels: set[int] = set()
        self.closing: set[int] = set()
        self._collector = FrameCollector()
        self._tags: dict[int, int] = {}
        self._publishing: dict[int, Published] = {}
        self._queues = 0

    # To the client

    def feed(self, data: bytes) -> None:
        """Send bytes to the client."""
        self.wire.receive(data, self.clock.now)

    def send(self, channel: int, *methods: Method) -> None:
        """Send methods to the client, in one chunk."""
        self.feed(b''.join(encode_method(channel, method) for method in methods))

    def deliver(self, channel: int, tag: int, body: bytes = b'body', frame: int = 4096) -> None:
        """Deliver a message to the client."""
        method = BasicDeliver(self.consumers.get(channel, b'tag'), tag, False, b'ex', b'key')
        self.feed(encode_method(channel, method) + content(channel, body, frame))

    def send_content(
        self,
        channel: int,
        method: Method,
        body: bytes,
        properties: BasicContentPropertyList = EMPTY_PROPERTIES,
    ) -> None:
        """Send a method with a content to the client."""
        frames = content(channel, body, properties=properties)
        self.feed(encode_method(channel, method) + frames)

    def give_back(self, published: Published) -> None:
        """Return an unroutable message to the client."""
        method = BasicReturn(312, b'NO_ROUTE', published.exchange, published.routing_key)
        self.send_content(published.channel, method, published.body, published.properties)

    def confirm_all(self) -> None:
        """Confirm all unconfirmed messages."""
        for channel, unconfirmed in list(self.unconfirmed.items()):
            if unconfirmed and channel not in self.closing:
                tag = max(unconfirmed)
                unconfirmed.clear()
                self.send(channel, BasicAck(tag, True))

    def close_channel(
        self, channel: int, reply_code: int = 404, refused: type[Method] | None = None
    ) -> None:
        """Close a channel with an error, which may name a refused method."""
        self.closing.add(channel)
        class_id, method_id = (0, 0) if refused is None else refused.INDEX
        text = self.refusal_text or b'error %d' % reply_code
        self.send(channel, ChannelClose(reply_code, text, class_id, method_id))

    # From the client

    def hear(self) -> list[AMQPFrame]:
        """Receive all bytes of the client. Return the frames."""
        frames: list[AMQPFrame] = []
        while pieces := self.wire.data_to_send():
            data = b''.join(pieces)
            frames += self._collector.feed(data)
            self.wire.sent(len(data), self.clock.now)
        return frames

    def methods(self) -> list[Method]:
        """Receive all bytes of the client. Return the methods in them."""
        return [frame.payload for frame in self.hear() if isinstance(frame, AMQPMethodFrame)]

    def expect(self, expected: type[_MethodT]) -> _MethodT:
        """Receive exactly one method, of this class, and return it."""
        (method,) = self.methods()
        assert isinstance(method, expected), method
        return method

    # Dialogues

    def shake_hands(self, tune: ConnectionTune | None = None) -> list[Method]:
        """Carry out the handshake. Return the methods of the client."""
        said = self.methods()
        self.send(0, start())
        said += self.methods()
        self.send(0, tune or ConnectionTune(2047, 131072, 60))
        said += self.methods()
        self.send(0, ConnectionOpenOk())
        return said

    def serve(self) -> list[Method]:
        """Answer like a broker until the client sends nothing more. Return its methods."""
        served: list[Method] = []
        while frames := self.hear():
            for frame in frames:
                self.serve_frame(frame)
                if isinstance(frame, AMQPMethodFrame):
                    served.append(frame.payload)
        return served

    def serve_frame(self, frame: AMQPFrame) -> None:
        """Answer one frame of the client."""
        if isinstance(frame, AMQPMethodFrame):
            self.log.append((frame.channel, frame.payload))
            self._serve_method(frame.channel, frame.payload)
        elif isinstance(frame, AMQPHeaderFrame):
            self._on_header(frame)
        elif isinstance(frame, AMQPBodyFrame):
            self._on_body(frame)

    def _serve_method(self, channel: int, method: Method) -> None:
        if channel in self.closing:
            self._serve_closing(channel, method)
            return
        if channel:
            self._check_channel(channel, method)
        code = self.refuses(method)
        if code:
            self.close_channel(channel, code, type(method))
        elif isinstance(method, BasicPublish):
            self._begin_published(channel, method)
        elif method.ANSWERS and method.NAME not in self.unanswered:
            self._answer(channel, method)

    def _check_channel(self, channel: int, method: Method) -> None:
        is_open = channel in self.open_channels
        assert is_open != isinstance(method, ChannelOpen), (
            f'{method.NAME} on channel {channel}, which is {"" if is_open else "not "}open'
        )
        if isinstance(method, ChannelOpen):
            self.open_channels.add(channel)
            self._tags.pop(channel, None)
        elif isinstance(method, ChannelClose) and method.NAME not in self.unanswered:
            self._forget(channel)
        elif isinstance(method, ConfirmSelect):
            self._tags[channel] = 0
            self.unconfirmed[channel] = {}

    def _serve_closing(self, channel: int, method: Method) -> None:
        """Ignore all methods except the two that end a closing channel."""
        if isinstance(method, ChannelClose):
            self.send(channel, ChannelCloseOk())
        elif isinstance(method, ChannelCloseOk):
            self.closing.remove(channel)
            self._forget(channel)

    def _forget(self, channel: int) -> None:
        self.open_channels.discard(channel)
        self.consumers.pop(channel, None)
        self._tags.pop(channel, None)
        self.unconfirmed.pop(channel, None)
        self._publishing.pop(channel, None)

    def _answer(self, channel: int, method: Method) -> None:
        answer: Method
        if isinstance(method, QueueDeclare):
            self._queues += 1
            name = bytes(method.queue) if isinstance(method.queue, bytes) else b''
            answer = QueueDeclareOk(name or b'amq.gen-%d' % self._queues, 0, 0)
        elif isinstance(method, BasicConsume):
            self.consumers[channel] = bytes(method.consumer_tag)  # type: ignore[arg-type]
            answer = BasicConsumeOk(method.consumer_tag)
        elif isinstance(method, BasicCancel):
            answer = BasicCancelOk(method.consumer_tag)
        else:
            answer = _BY_NAME[method.ANSWERS[0]]()
        self.send(channel, answer)

    def _begin_published(self, channel: int, method: BasicPublish) -> None:
        tag = 0
        if channel in self._tags:
            tag = self._tags[channel] = self._tags[channel] + 1
        exchange, key = bytes(method.exchange), bytes(method.routing_key)  # type: ignore[arg-type]
        published = Published(channel, tag, exchange, key, mandatory=method.mandatory)
        self._publishing[channel] = published

    def _on_header(self, frame: AMQPHeaderFrame) -> None:
        published = self._publishing.get(frame.channel)
        if published is None:
            return
        published.properties = frame.properties
        if not frame.body_size:
            self._complete(self._publishing.pop(frame.channel))

    def _on_body(self, frame: AMQPBodyFrame) -> None:
        """Complete a message; all messages of these tests fit into one frame."""
        published = self._publishing.pop(frame.channel, None)
        if published is not None:
            published.body = frame.data
            self._complete(published)

    def _complete(self, published: Published) -> None:
        self.published.append(published)
        if published.tag:
            self.unconfirmed[published.channel][published.tag] = published

    def said(self, wanted: type[_MethodT]) -> list[_MethodT]:
        """Return all received methods of a class."""
        return [method for _, method in self.log if isinstance(method, wanted)]

    def channel_of(self, wanted: type[Method]) -> int:
        """Return the channel of the last received method of a class."""
        return [channel for channel, method in self.log if isinstance(method, wanted)][-1]


def refuse_nothing(_method: Method) -> int:
    """Accept every method."""
    return 0


def start(mechanisms: str = 'AMQPLAIN PLAIN') -> ConnectionStart:
    """Return the first method of a broker."""
    return ConnectionStart(0, 9, SERVER_PROPERTIES, mechanisms, 'en_US')


def content(
    channel: int,
    body: bytes,
    frame: int = 4096,
    properties: BasicContentPropertyList = EMPTY_PROPERTIES,
) -> bytes:
    """Encode the header and the body frames of a content."""
    frames: list[AMQPFrame] = [AMQPHeaderFrame(channel, 60, 0, len(body), properties)]
    frames += [AMQPBodyFrame(channel, body[at : at + frame]) for at in range(0, len(body), frame)]
    return b''.join(each.encode() for each in frames)
